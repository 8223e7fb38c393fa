"""Our CRDs beside those of upstream: same names, same shape, same constraints; words aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.api import crds, registry
from tests.golden import FIXTURES, fixture

KINDS = sorted(registry.KINDS)
# How a rule is written is ours; which fields have one, and how many, is not. What the rules accept
# is compared by the replay of objects.
_WORDS = frozenset({"description", "example", "x-kubernetes-validations"})
_RULES = "x-kubernetes-validations"


def upstream(kind: str) -> dict[str, Any]:
    """The CRD of a kind as upstream ships it."""
    plural = registry.KINDS[kind].resource.plural
    path = fixture(f"crds/openchoreo.dev_{plural}.yaml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without words, with what has no order sorted and rules counted."""
    result = {key: value for key, value in schema.items() if key not in _WORDS}
    if _RULES in schema:
        result["messages"] = [rule["message"] for rule in schema[_RULES]]
    if "properties" in schema:
        result["properties"] = {
            name: shape(child) for name, child in sorted(schema["properties"].items())
        }
    if "required" in schema:
        result["required"] = sorted(schema["required"])
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = shape(schema[key])
    return result


def test_upstream_has_no_kind_that_we_lack() -> None:
    fixture("crds")
    found = {path.name for path in Path(FIXTURES, "crds").glob("*.yaml")}
    assert found == {
        f"openchoreo.dev_{entry.resource.plural}.yaml" for entry in registry.KINDS.values()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_names_scope_columns_and_subresources_are_upstreams(kind: str) -> None:
    theirs, ours = upstream(kind), crds.manifest(registry.KINDS[kind])
    for crd in (theirs, ours):
        for version in crd["spec"]["versions"]:
            del version["schema"]
    assert ours["spec"] == theirs["spec"]
    assert ours["metadata"]["name"] == theirs["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_upstreams_in_all_but_words(kind: str) -> None:
    theirs, ours = (
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in (upstream(kind), crds.manifest(registry.KINDS[kind]))
    )
    assert shape(ours) == shape(theirs)
