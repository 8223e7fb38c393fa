"""May this component be built by this workflow? Asked once, before a run starts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import labels
from choreo_local.controllers.observed import Manifest


def owners(run: Manifest) -> tuple[str, str]:
    """Project and component that a run says it belongs to; "" where it does not say."""
    found = run["metadata"].get("labels") or {}
    return found.get(labels.PROJECT, ""), found.get(labels.COMPONENT, "")


def type_reference(component: Manifest) -> dict[str, str]:
    """Kind and name of the type of a component."""
    reference = component["spec"]["componentType"]
    name = reference["name"].rpartition("/")[2]
    return {"kind": reference.get("kind") or "ComponentType", "name": name}


def workflow_reference(run: Manifest) -> tuple[str, str]:
    """Kind and name of the workflow of a run."""
    return _key(run["spec"]["workflow"])


def _key(reference: Mapping[str, Any]) -> tuple[str, str]:
    return reference.get("kind") or "ClusterWorkflow", reference["name"]


def problem(run: Manifest, component: Manifest | None, component_type: Manifest | None) -> str:
    """Why the run must not start; "" when it may, or when it is not about a component."""
    project, name = owners(run)
    if not project and not name:
        return ""
    if not project or not name:
        return (
            f"labels {labels.PROJECT} and {labels.COMPONENT} must both be set on a run of a "
            "component"
        )
    if component is None:
        return f'Component "{name}" not found'
    found = component["spec"]["owner"]["projectName"]
    if found != project:
        return f'Component "{name}" belongs to project "{found}", not to "{project}"'
    if component_type is None:
        reference = type_reference(component)
        return f'{reference["kind"]} "{reference["name"]}" not found'
    return _refusal(run, component, component_type)


def _refusal(run: Manifest, component: Manifest, component_type: Manifest) -> str:
    wanted = workflow_reference(run)
    kind, name = wanted
    allowed = [_key(entry) for entry in component_type["spec"].get("allowedWorkflows") or ()]
    type_name = component_type["metadata"]["name"]
    if wanted not in allowed:
        listed = " ".join(f"{kind}:{name}" for kind, name in allowed)
        return (
            f'{kind} "{name}" is not among the workflows that {component_type["kind"]} '
            f'"{type_name}" allows [{listed}]'
        )
    own = component["spec"].get("workflow")
    if own and _key(own) != wanted:
        own_kind, own_name = _key(own)
        component_name = component["metadata"]["name"]
        return (
            f'Component "{component_name}" is built by {own_kind} "{own_name}", not by '
            f'{kind} "{name}"'
        )
    return ""
