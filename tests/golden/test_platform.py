"""The types of a fresh installation make the same objects as upstream's of the same name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.rendering import component
from choreo_local.rendering.errors import RenderError
from tests.golden import GOLDENS, load, recorded
from tests.golden.test_render import inputs_of

PLATFORM = Path(__file__).parents[2] / "bundles" / "platform"


@cache
def our_types() -> dict[str, dict[str, Any]]:
    """Our component types, by workload type and name."""
    found = {}
    for path in sorted((PLATFORM / "component-types").glob("*.yaml")):
        obj = yaml.safe_load(path.read_text(encoding="utf-8"))
        found[f"{obj['spec']['workloadType']}/{obj['metadata']['name']}"] = obj["spec"]
    return found


def recorded_with_a_default_type() -> list[Any]:
    """Recorded renderings of components whose type is one that we ship."""
    found = []
    for path in recorded("render"):
        content = load(path)
        base = content.get("base") or {}
        theirs = base.get("componentType") or {"metadata": {"name": ""}}
        ours = our_types().get(theirs["metadata"]["name"])
        for number, case in enumerate(content["cases"] if ours else ()):
            if "setup_error" not in case and "componentType" not in case["inputs"]:
                inputs = {**base, **case["inputs"], "componentType": {**theirs, "spec": ours}}
                title = f"{path.stem}-{case['plane']}-{case['variant']}-{number}"
                found.append(pytest.param({**case, "inputs": inputs}, id=title))
    reason = f"no recordings of render in {GOLDENS}; set CHOREO_GOLDENS"
    return found or [pytest.param({}, marks=pytest.mark.skip(reason=reason))]


@pytest.mark.parametrize("case", recorded_with_a_default_type())
def test_our_component_type_renders_what_upstreams_does(case: dict[str, Any]) -> None:
    inputs = inputs_of(case["inputs"])
    if case["error"]:
        with pytest.raises(RenderError):
            component.render(inputs)
        return
    rendered = component.render(inputs)
    assert [
        {"resource": each.manifest, "targetPlane": each.target_plane} for each in rendered.resources
    ] == case["output"]["resources"]
