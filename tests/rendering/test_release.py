"""Snapshots and ids."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import release
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects

WORKLOAD = {"spec": {"owner": {"componentName": "web"}, "container": {"image": "img"}}}


def owner(**spec: Any) -> dict[str, Any]:
    reference = {"kind": "ClusterComponentType", "name": "deployment/service"}
    return {
        **objects.COMPONENT,
        "spec": {"owner": {"projectName": "shop"}, "componentType": reference, **spec},
    }


def frozen(component: Any, type_: Any = None, **changes: Any) -> release.Release:
    given = {"workload": WORKLOAD, **changes}
    return release.component_release(component, type_ or objects.component_type(), **given)


def test_component_release_holds_what_a_binding_needs() -> None:
    found = frozen(owner(parameters={"a": 1}))

    assert found.name == f"web-{found.hash}"
    assert found.manifest["metadata"]["namespace"] == "default"
    assert found.manifest["spec"] == {
        "owner": {"projectName": "shop", "componentName": "web"},
        "componentType": {
            "kind": "ClusterComponentType",
            "name": "deployment/service",
            "spec": objects.component_type()["spec"],
        },
        "workload": {"container": {"image": "img"}},
        "componentProfile": {"parameters": {"a": 1}},
    }


def test_traits_are_frozen_once_each_and_in_order() -> None:
    loaded = [objects.trait("b"), objects.trait("a", "ClusterTrait"), objects.trait("unused")]
    uses = [{"name": "b", "instanceName": "1"}, {"name": "b", "instanceName": "2"}]
    embedded = objects.component_type(
        traits=[{"kind": "ClusterTrait", "name": "a", "instanceName": "0"}]
    )

    found = frozen(owner(traits=uses), embedded, traits=loaded)

    snapshot = found.manifest["spec"]["traits"]
    assert [(t["kind"], t["name"]) for t in snapshot] == [("ClusterTrait", "a"), ("Trait", "b")]
    profile = found.manifest["spec"]["componentProfile"]["traits"]
    assert [t["kind"] for t in profile] == ["Trait", "Trait"]


def test_same_content_has_the_same_name_and_other_content_another() -> None:
    first = frozen(owner())

    assert frozen(owner()).name == first.name
    assert frozen(owner(parameters={})).name != first.name
    changed = {"spec": {"container": {"image": "other"}}}
    assert frozen(owner(), workload=changed).name != first.name


def test_missing_trait_is_named() -> None:
    with pytest.raises(RenderError, match='component trait "no" is missing'):
        frozen(owner(traits=[{"name": "no", "instanceName": "i"}]))


def test_project_and_resource_releases_hold_type_and_parameters() -> None:
    type_ = {"kind": "ClusterProjectType", "spec": {"resources": []}}
    project = {**objects.PROJECT, "spec": {"type": {"name": "default"}, "parameters": {"a": 1}}}
    resource = {
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"type": {"kind": "ResourceType", "name": "pg"}, "owner": {"projectName": "shop"}},
    }

    of_project = release.project_release(project, type_).manifest
    of_resource = release.resource_release(resource, {"spec": {}}).manifest

    assert of_project["spec"] == {
        "owner": {"projectName": "shop"},
        "projectType": {"kind": "ClusterProjectType", "name": "default", "spec": type_["spec"]},
        "parameters": {"a": 1},
    }
    assert of_resource["spec"] == {
        "owner": {"projectName": "shop", "resourceName": "db"},
        "resourceType": {"kind": "ResourceType", "name": "pg", "spec": {}},
    }


def test_entries_carry_readable_ids() -> None:
    manifests: list[dict[str, Any]] = [
        {"kind": "Service", "metadata": {"name": "web"}},
        {"kind": "Odd"},
    ]

    assert release.entries(manifests) == [
        {"id": "service-web", "object": manifests[0]},
        {"id": "resource-1", "object": manifests[1]},
    ]
