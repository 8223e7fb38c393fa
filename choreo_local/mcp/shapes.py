"""What tools tell of objects: a few fields in lists, more of a single one; pure.

Names are upstream's; what is empty is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.api import labels

Manifest = Mapping[str, Any]
Shown = dict[str, Any]
_Read = Callable[[Manifest], Any]
_READY = "Ready"
_CONDITION = ("type", "status", "reason", "message")


def summary(kind: str, obj: Manifest) -> Shown:
    """An object in a list."""
    return _shown(obj, _SUMMARIES.get(_plain(kind), {}))


def detail(kind: str, obj: Manifest) -> Shown:
    """One object."""
    plain = _plain(kind)
    return _shown(obj, {**_SUMMARIES.get(plain, {}), **_DETAILS.get(plain, {})})


def done(obj: Manifest, action: str, **more: Any) -> Shown:
    """What a change came to."""
    return _without_empty({**_named(obj), "action": action, **more})


def tree(found: Manifest) -> Shown:
    """The live objects of a binding."""
    return {
        "rendered_releases": [
            {
                "name": release["name"],
                "target_plane": release["targetPlane"],
                "nodes": [_node(node) for node in release["nodes"]],
            }
            for release in found["renderedReleases"]
        ]
    }


def _plain(kind: str) -> str:
    return kind.removeprefix("Cluster")


def _shown(obj: Manifest, fields: Mapping[str, _Read]) -> Shown:
    metadata = obj["metadata"]
    texts = metadata.get("annotations") or {}
    return _without_empty(
        {
            **_named(obj),
            "displayName": texts.get(labels.DISPLAY_NAME),
            "description": texts.get(labels.DESCRIPTION),
            "createdAt": metadata.get("creationTimestamp"),
            **{name: read(obj) for name, read in fields.items()},
        }
    )


def _named(obj: Manifest) -> Shown:
    metadata = obj["metadata"]
    return {"name": metadata["name"], "namespace": metadata.get("namespace")}


def _without_empty(content: Shown) -> Shown:
    return {
        name: value
        for name, value in content.items()
        if value is not None and value not in ("", [], {})
    }


def _at(*path: str, default: Any = None) -> _Read:
    def read(obj: Manifest) -> Any:
        found: Any = obj
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return default if found is None else found

    return read


def _spec(*path: str, default: Any = None) -> _Read:
    return _at("spec", *path, default=default)


def _reference(*path: str) -> _Read:
    read = _spec(*path)

    def shown(obj: Manifest) -> Any:
        found = read(obj)
        return _picked(found, "kind", "name") if isinstance(found, Mapping) else found

    return shown


def _entries(*path: str, fields: tuple[str, ...]) -> _Read:
    read = _at(*path)

    def shown(obj: Manifest) -> Any:
        return [_picked(entry, *fields) for entry in read(obj) or ()]

    return shown


def _picked(content: Manifest, *names: str) -> Shown:
    return _without_empty({name: content.get(name) for name in names})


def _ready(obj: Manifest) -> Any:
    """`Ready`, or the reason why it is not."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == _READY:
            return _READY if condition.get("status") == "True" else condition.get("reason")
    return None


def _run_state(obj: Manifest) -> Any:
    for kind, state in _RUN_STATES:
        for condition in (obj.get("status") or {}).get("conditions") or ():
            if condition.get("type") == kind and condition.get("status") == "True":
                return state
    return "Pending"


_RUN_STATES = (
    ("WorkflowFailed", "Failed"),
    ("WorkflowSucceeded", "Succeeded"),
    ("WorkflowRunning", "Running"),
)


def _count(*path: str) -> _Read:
    read = _at(*path)
    return lambda obj: len(read(obj) or ())


def _node(node: Manifest) -> Shown:
    return _without_empty(
        {
            **_picked(node, "kind", "name", "uid", "group", "version", "namespace"),
            "created_at": node.get("createdAt"),
            "parent_refs": node.get("parentRefs"),
            "health": _picked(node.get("health") or {}, "status", "message"),
        }
    )


_CONDITIONS = _entries("status", "conditions", fields=_CONDITION)
_STATUS: Mapping[str, _Read] = {"status": _ready}
_PROJECT: Mapping[str, _Read] = {"projectName": _spec("owner", "projectName")}
_LATEST: Mapping[str, _Read] = {"latestRelease": _at("status", "latestRelease", "name")}
_OF_COMPONENT: Mapping[str, _Read] = {
    **_PROJECT,
    "componentName": _spec("owner", "componentName"),
}
_PLANE: Mapping[str, _Read] = {
    "planeID": _spec("planeID"),
    "agentConnected": _at("status", "agentConnection", "connected", default=False),
    **_STATUS,
}
_WHOLE: Mapping[str, _Read] = {"spec": _spec()}
_PLANE_WHOLE: Mapping[str, _Read] = {
    **_WHOLE,
    "agentConnection": _at("status", "agentConnection"),
    "conditions": _CONDITIONS,
}
_SUMMARIES: Mapping[str, Mapping[str, _Read]] = {
    "Namespace": {"status": _at("status", "phase")},
    "Project": {
        "deploymentPipelineRef": _spec("deploymentPipelineRef", "name"),
        "type": _reference("type"),
        **_STATUS,
        **_LATEST,
    },
    "Component": {
        **_PROJECT,
        "componentType": _spec("componentType", "name"),
        "autoDeploy": _spec("autoDeploy", default=False),
        "autoBuild": _spec("autoBuild"),
        **_STATUS,
        **_LATEST,
    },
    "Workload": {
        **_OF_COMPONENT,
        "image": _spec("container", "image"),
        "endpoints": _spec("endpoints"),
    },
    "ComponentRelease": _OF_COMPONENT,
    "ReleaseBinding": {
        **_OF_COMPONENT,
        "environment": _spec("environment"),
        "releaseName": _spec("releaseName"),
        "state": _spec("state"),
        "endpoints": _at("status", "endpoints"),
        "pendingConnections": _at("status", "pendingConnections"),
        **_STATUS,
    },
    "Environment": {
        "isProduction": _spec("isProduction", default=False),
        "dataPlaneRef": _reference("dataPlaneRef"),
        **_STATUS,
    },
    "DeploymentPipeline": _STATUS,
    "DataPlane": _PLANE,
    "WorkflowPlane": _PLANE,
    "ObservabilityPlane": {**_PLANE, "observerURL": _spec("observerURL")},
    "ComponentType": {
        "workloadType": _spec("workloadType"),
        "allowedWorkflows": _entries("spec", "allowedWorkflows", fields=("kind", "name")),
    },
    "Workflow": {"ttlAfterCompletion": _spec("ttlAfterCompletion"), **_STATUS},
    "WorkflowRun": {
        "workflowName": _spec("workflow", "name"),
        "status": _run_state,
        "startedAt": _at("status", "startedAt"),
        "completedAt": _at("status", "completedAt"),
    },
    "ResourceType": {
        "retainPolicy": _spec("retainPolicy"),
        "outputs": _spec("outputs"),
    },
    "ProjectType": {"resources": _count("spec", "resources")},
    "Resource": {**_PROJECT, "type": _reference("type"), **_STATUS, **_LATEST},
    "ResourceRelease": {
        **_PROJECT,
        "resourceName": _spec("owner", "resourceName"),
        "resourceType": _reference("resourceType"),
    },
    "ResourceReleaseBinding": {
        **_PROJECT,
        "resourceName": _spec("owner", "resourceName"),
        "environment": _spec("environment"),
        "resourceRelease": _spec("resourceRelease"),
        "retainPolicy": _spec("retainPolicy"),
        **_STATUS,
    },
    "ProjectRelease": {**_PROJECT, "projectType": _reference("projectType")},
    "ProjectReleaseBinding": {
        **_PROJECT,
        "environment": _spec("environment"),
        "projectRelease": _spec("projectRelease"),
        **_STATUS,
    },
    "AuthzRole": {"actions": _spec("actions")},
    "AuthzRoleBinding": {
        "entitlement": _spec("entitlement"),
        "effect": _spec("effect"),
        "roleMappingCount": _count("spec", "roleMappings"),
    },
}
_DETAILS: Mapping[str, Mapping[str, _Read]] = {
    "Component": {
        "componentType": _reference("componentType"),
        "parameters": _spec("parameters"),
        "traits": _entries("spec", "traits", fields=("name", "instanceName", "kind", "parameters")),
        "workflow": _spec("workflow"),
        "conditions": _CONDITIONS,
    },
    "Workload": _WHOLE,
    "ComponentRelease": {
        "componentType": _reference("componentType"),
        "workloadType": _spec("componentType", "spec", "workloadType"),
        "image": _spec("workload", "container", "image"),
        "endpoints": _spec("workload", "endpoints"),
        "dependencies": _spec("workload", "dependencies"),
        "parameters": _spec("componentProfile", "parameters"),
    },
    "ReleaseBinding": {
        "componentTypeEnvironmentConfigs": _spec("componentTypeEnvironmentConfigs"),
        "traitEnvironmentConfigs": _spec("traitEnvironmentConfigs"),
        "workloadOverrides": _spec("workloadOverrides"),
        "connectionTargets": _at("status", "connectionTargets"),
        "resolvedConnections": _at("status", "resolvedConnections"),
    },
    "DeploymentPipeline": {
        "promotionPaths": _spec("promotionPaths"),
        "conditions": _CONDITIONS,
    },
    "DataPlane": _PLANE_WHOLE,
    "WorkflowPlane": _PLANE_WHOLE,
    "ObservabilityPlane": _PLANE_WHOLE,
    "ComponentType": _WHOLE,
    "Trait": _WHOLE,
    "SecretReference": _WHOLE,
    "Workflow": {**_WHOLE, **_STATUS},
    "WorkflowRun": {
        "parameters": _spec("workflow", "parameters"),
        "tasks": _entries(
            "status",
            "tasks",
            fields=("name", "phase", "message", "startedAt", "completedAt"),
        ),
        "conditions": _CONDITIONS,
    },
    "ResourceType": _WHOLE,
    "ProjectType": _WHOLE,
    "Resource": {
        "parameters": _spec("parameters"),
        "latestRelease": _at("status", "latestRelease"),
        "conditions": _CONDITIONS,
    },
    "ResourceRelease": {
        "resourceTypeSpec": _spec("resourceType", "spec"),
        "parameters": _spec("parameters"),
    },
    "ResourceReleaseBinding": {
        "resourceTypeEnvironmentConfigs": _spec("resourceTypeEnvironmentConfigs"),
        "outputs": _at("status", "outputs"),
        "conditions": _CONDITIONS,
    },
    "ProjectRelease": {
        "projectTypeSpec": _spec("projectType", "spec"),
        "parameters": _spec("parameters"),
    },
    "ProjectReleaseBinding": {
        "environmentConfigs": _spec("environmentConfigs"),
        "dataPlaneNamespace": _at("status", "namespace"),
        "conditions": _CONDITIONS,
    },
    "AuthzRole": _WHOLE,
    "AuthzRoleBinding": _WHOLE,
}
