"""What templates see of the platform."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import context
from choreo_local.rendering.errors import RenderError


def obj(name: str, uid: str, **further: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "uid": uid}, **further}


LISTENER = {"port": 80, "host": "example.com"}
PLANE = obj(
    "dp",
    "d",
    kind="ClusterDataPlane",
    spec={
        "secretStoreRef": {"name": "vault"},
        "observabilityPlaneRef": {"name": "obs"},
        "gateway": {"ingress": {"external": {"http": LISTENER}, "internal": {"name": "int"}}},
    },
)
ENVIRONMENT = obj(
    "dev",
    "e",
    spec={"gateway": {"ingress": {"external": {"https": {"port": 443, "host": "", "x": 1}}}}},
)


def test_component_metadata_has_names_uids_and_the_standard_labels() -> None:
    found = context.component_metadata(
        obj("web", "c"), project=obj("shop", "p"), environment=ENVIRONMENT, data_plane=PLANE
    )

    assert found["name"].startswith("web-dev-")
    assert found["namespace"].startswith("dp-default-shop-dev-")
    assert found["labels"] == found["podSelectors"]
    assert found["labels"] == {
        "openchoreo.dev/namespace": "default",
        "openchoreo.dev/project": "shop",
        "openchoreo.dev/project-uid": "p",
        "openchoreo.dev/component": "web",
        "openchoreo.dev/component-uid": "c",
        "openchoreo.dev/environment": "dev",
        "openchoreo.dev/environment-uid": "e",
    }
    assert (found["dataPlaneName"], found["dataPlaneUID"]) == ("dp", "d")


def test_project_and_resource_metadata_carry_the_annotations_of_the_binding() -> None:
    binding = {"metadata": {"annotations": {"a": "1"}}}
    shared: dict[str, Any] = {"environment": ENVIRONMENT, "data_plane": PLANE, "binding": binding}

    project = context.project_metadata(obj("shop", "p"), **shared)
    resource = context.resource_metadata(obj("db", "r"), project=obj("shop", "p"), **shared)

    assert project["annotations"] == resource["annotations"] == {"a": "1"}
    assert "name" not in project
    assert resource["name"].startswith("r-db-dev-")
    assert set(resource["labels"]) - set(project["labels"]) == {
        "openchoreo.dev/resource",
        "openchoreo.dev/resource-uid",
    }


def test_each_gateway_is_the_environments_as_a_whole_or_the_planes() -> None:
    assert context.environment(ENVIRONMENT, PLANE, channel="mail") == {
        "gateway": {"ingress": {"external": {"https": {"port": 443}}, "internal": {"name": "int"}}},
        "defaultNotificationChannel": "mail",
    }


def test_empty_gateways_are_absent_at_every_level() -> None:
    empty = obj("x", "x", spec={"gateway": {"ingress": {"external": {"http": {"port": 0}}}}})

    assert context.environment(empty, obj("dp", "d")) == {}


def test_data_plane_shows_store_gateway_and_observability_plane() -> None:
    found = context.data_plane(PLANE)

    assert found["secretStore"] == "vault"
    assert found["observabilityPlaneRef"] == {"kind": "ClusterObservabilityPlane", "name": "obs"}
    assert found["gateway"]["ingress"]["external"] == {"http": LISTENER}


def test_annotations_of_the_plane_are_for_components_only() -> None:
    plane = {"metadata": {"annotations": {"tier": "gold"}}, "spec": {}}

    assert context.data_plane(plane) == {}
    assert context.data_plane(plane, with_annotations=True) == {"annotations": {"tier": "gold"}}


def test_missing_metadata_is_named() -> None:
    with pytest.raises(RenderError, match=r"input\.Metadata\.ComponentName is empty"):
        context.require({"name": "x"}, ("name", "componentName"))
