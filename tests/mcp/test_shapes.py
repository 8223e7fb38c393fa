"""What assistants are told of objects."""

from __future__ import annotations

from typing import Any

from choreo_local.mcp import shapes

_TIME = "2026-01-01T10:00:00Z"


def _obj(name: str, spec: dict[str, Any], *conditions: dict[str, str], **status: Any) -> Any:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": "1",
            "creationTimestamp": _TIME,
            "annotations": {"openchoreo.dev/display-name": "Shown", "other": "x"},
        },
        "spec": spec,
        "status": {"conditions": list(conditions), **status},
    }


def _ready(status: str = "True", reason: str = "ComponentReleaseReady") -> dict[str, str]:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": "m",
        "lastTransitionTime": _TIME,
    }


_COMPONENT = _obj(
    "app",
    {
        "owner": {"projectName": "shop"},
        "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
        "autoDeploy": True,
        "traits": [{"name": "t", "instanceName": "i", "parameters": {}}],
    },
    _ready(),
    latestRelease={"name": "app-1", "releaseHash": "1"},
)


def test_a_component_is_told_shortly_in_lists_and_fully_alone() -> None:
    short = {
        "name": "app",
        "namespace": "default",
        "displayName": "Shown",
        "createdAt": _TIME,
        "projectName": "shop",
        "componentType": "deployment/service",
        "autoDeploy": True,
        "status": "Ready",
        "latestRelease": "app-1",
    }
    assert shapes.summary("Component", _COMPONENT) == short
    condition = {"type": "Ready", "status": "True", "reason": "ComponentReleaseReady"}
    assert shapes.detail("Component", _COMPONENT) == {
        **short,
        "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
        "traits": [{"name": "t", "instanceName": "i"}],
        "conditions": [{**condition, "message": "m"}],
    }


def test_what_is_not_ready_says_why() -> None:
    spec = {
        "owner": {"projectName": "shop", "componentName": "app"},
        "environment": "development",
        "releaseName": "app-1",
        "state": "Active",
    }
    bound = _obj("app-development", spec, _ready("False", "ResourcesProgressing"))
    found = shapes.detail("ReleaseBinding", bound)
    assert (found["status"], found["componentName"], found["state"]) == (
        "ResourcesProgressing",
        "app",
        "Active",
    )
    assert "status" not in shapes.summary("ReleaseBinding", _obj("x", spec))


def test_kinds_of_the_cluster_look_like_those_of_namespaces() -> None:
    spec = {"planeID": "p"}
    plane = _obj("default", spec, agentConnection={"connected": True})
    for kind in ("DataPlane", "ClusterDataPlane"):
        found = shapes.detail(kind, plane)
        assert (found["planeID"], found["agentConnected"], found["spec"]) == ("p", True, spec)
    mapping = [{"roleRef": {"name": "r"}}]
    bound = _obj("b", {"entitlement": {"claim": "c", "value": "v"}, "roleMappings": mapping})
    assert shapes.summary("ClusterAuthzRoleBinding", bound)["roleMappingCount"] == 1


def test_a_run_tells_how_far_it_is() -> None:
    for conditions, expected in (
        ((), "Pending"),
        (("WorkflowRunning",), "Running"),
        (("WorkflowRunning", "WorkflowSucceeded"), "Succeeded"),
        (("WorkflowFailed", "WorkflowRunning"), "Failed"),
    ):
        run = _obj("r", {}, *({"type": each, "status": "True"} for each in conditions))
        assert shapes.summary("WorkflowRun", run)["status"] == expected


def test_live_objects_are_told_without_their_content() -> None:
    node = {
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
        "name": "app",
        "uid": "1",
        "createdAt": _TIME,
        "object": {"secret": "x"},
        "health": {"status": "Healthy"},
    }
    found = {
        "renderedReleases": [
            {"name": "r", "targetPlane": "dataplane", "nodes": [node], "renderedRelease": {}}
        ]
    }
    (release,) = shapes.tree(found)["rendered_releases"]
    assert release["target_plane"] == "dataplane"
    assert release["nodes"] == [
        {
            "kind": "Deployment",
            "name": "app",
            "uid": "1",
            "group": "apps",
            "version": "v1",
            "created_at": _TIME,
            "health": {"status": "Healthy"},
        }
    ]
