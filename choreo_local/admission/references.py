"""What types name: embedded and allowed traits, allowed workflows, planes; pure.

Whether what they name exists is not asked here: things may be applied in any order.

Public: `embedded_traits(…)`, `allowed_traits(…)`, `allowed_workflows(…)`, `workflow_plane(…)`,
`unique_instances(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

from . import reading

Spec = Mapping[str, Any]


def embedded_traits(spec: Spec, path: str, *, cluster_wide: bool) -> Iterator[FieldError]:
    """What is wrong with the traits that every component of a type has."""
    seen: dict[str, int] = {}
    for index, (below, trait) in enumerate(reading.entries(spec.get("traits"), f"{path}.traits")):
        if cluster_wide and _kind(trait, "ClusterTrait") != "ClusterTrait":
            detail = (
                "ClusterComponentType can only reference ClusterTrait, not namespace-scoped Trait"
            )
            yield fielderrors.invalid_value(f"{below}.kind", trait.get("kind"), detail)
        for field in ("name", "instanceName"):
            if not reading.text(trait.get(field)):
                yield fielderrors.required(f"{below}.{field}", f"trait {field} is required")
        instance = reading.text(trait.get("instanceName"))
        if instance in seen:
            taken = f"is already used by trait at index {seen[instance]}"
            shown = f"instanceName {fielderrors.quote(instance)} {taken}"
            yield fielderrors.duplicate(f"{below}.instanceName", shown)
        seen[instance] = index


def allowed_traits(spec: Spec, path: str, *, cluster_wide: bool) -> Iterator[FieldError]:
    """What is wrong with the traits that a developer may add."""
    default = "ClusterTrait" if cluster_wide else "Trait"
    embedded = {
        _key(trait, default, cluster_wide=cluster_wide)
        for _, trait in reading.entries(spec.get("traits"), "")
    }
    field = "allowedTraits"
    seen: set[str] = set()
    for below, reference in reading.entries(spec.get(field), f"{path}.{field}"):
        if not reading.text(reference.get("name")):
            yield fielderrors.required(f"{below}.name", "allowed trait name must not be empty")
            continue
        key = _key(reference, default, cluster_wide=cluster_wide)
        if key in seen:
            yield fielderrors.duplicate(below, key)
        seen.add(key)
        if key in embedded:
            detail = "trait is already embedded in spec.traits and cannot also be in allowedTraits"
            yield fielderrors.invalid_value(below, key, detail)


def allowed_workflows(spec: Spec, path: str, *, cluster_wide: bool) -> Iterator[FieldError]:
    """What is wrong with the workflows that a component may be built with."""
    field = "allowedWorkflows"
    seen: set[str] = set()
    for below, reference in reading.entries(spec.get(field), f"{path}.{field}"):
        if not reading.text(reference.get("name")):
            yield fielderrors.required(f"{below}.name", "allowed workflow name must not be empty")
            continue
        key = _key(reference, "Workflow", cluster_wide=cluster_wide)
        if key in seen:
            yield fielderrors.duplicate(below, key)
        seen.add(key)


def workflow_plane(spec: Spec, path: str) -> Iterator[FieldError]:
    """What is wrong with the plane that a ClusterWorkflow runs on."""
    reference = spec.get("workflowPlaneRef")
    if reference is None:
        return
    kind = reading.text(reading.member(reference, "kind"))
    if kind != "ClusterWorkflowPlane":
        detail = (
            "ClusterWorkflow can only reference ClusterWorkflowPlane, not namespace-scoped"
            " WorkflowPlane"
        )
        yield fielderrors.invalid_value(f"{path}.workflowPlaneRef.kind", kind, detail)


def unique_instances(traits: Any, path: str) -> Iterator[FieldError]:
    """Traits of a component that share a name."""
    seen: set[str] = set()
    for below, trait in reading.entries(traits, path):
        instance = reading.text(trait.get("instanceName"))
        if instance in seen:
            yield fielderrors.duplicate(f"{below}.instanceName", instance)
        seen.add(instance)


def trait_key(reference: Spec) -> str:
    """What a trait is looked up by in a release: kind and name."""
    return f"{_kind(reference, 'Trait')}:{reading.text(reference.get('name'))}"


def _key(reference: Spec, default: str, *, cluster_wide: bool) -> str:
    """The name, with the kind where there are several."""
    name = reading.text(reference.get("name"))
    return name if cluster_wide else f"{_kind(reference, default)}:{name}"


def _kind(reference: Spec, default: str) -> str:
    return reading.text(reference.get("kind")) or default
