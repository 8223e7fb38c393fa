"""The Gateway API of our data planes fills in what the real one filled in."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.apimachinery import gvk
from choreo_local.apimachinery.schema import defaulting, pruning, structural, validation
from tests.golden import GOLDENS, load, recorded

CRDS = Path(__file__).parents[2] / "bundles" / "dataplane" / "crds"
GROUP = "gateway.networking.k8s.io"


def schema_of(obj: dict[str, Any]) -> structural.Structural:
    """The schema of a Gateway API object, from our bundle."""
    _, version = gvk.split_api_version(obj["apiVersion"])
    path = CRDS / f"{GROUP}_{obj['kind'].lower()}s.yaml"
    for served in yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["versions"]:
        if served["name"] == version:
            return structural.from_crd(served["schema"]["openAPIV3Schema"])
    raise LookupError(obj["apiVersion"])


def identity(obj: dict[str, Any]) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


def routes(objects: Iterator[Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The Gateway API objects among others."""
    return {
        identity(obj): obj
        for obj in objects
        if isinstance(obj, dict) and str(obj.get("apiVersion", "")).startswith(GROUP)
    }


def applied_and_stored() -> list[Any]:
    """Routes as a RenderedRelease had them, with what the data plane then held."""
    found = {}
    for path in recorded("scenarios"):
        for step in load(path)["steps"]:
            releases = (step.get("state") or {}).values()
            wanted = routes(
                each["object"]
                for release in releases
                if isinstance(release, dict) and release.get("kind") == "RenderedRelease"
                for each in release["spec"].get("resources") or ()
            )
            stored = routes(iter((step.get("dataPlane") or {}).values()))
            for key in sorted(wanted.keys() & stored.keys()):
                name = "-".join((path.stem, *key))
                found[name] = pytest.param(wanted[key], stored[key], id=name)
    reason = f"no recordings of scenarios in {GOLDENS}; set CHOREO_GOLDENS"
    return list(found.values()) or [pytest.param({}, {}, marks=pytest.mark.skip(reason=reason))]


@pytest.mark.parametrize(("wanted", "stored"), applied_and_stored())
def test_a_route_is_stored_with_the_real_defaults(
    wanted: dict[str, Any], stored: dict[str, Any]
) -> None:
    schema = schema_of(wanted)
    route = copy.deepcopy(wanted)
    assert pruning.prune(schema, route) == []
    defaulting.apply(schema, route)
    assert validation.Validator(schema).validate(route) == []
    assert route["spec"] == stored["spec"]
