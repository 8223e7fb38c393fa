"""What the objects of an export refer to. Pure.

References within rendered resources are of the planes; they are not among these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from choreo_local.export.state import Key, Manifest

Spec = Mapping[str, Any]


class Reference(NamedTuple):
    """That a field names an object."""

    path: str
    target: Key


def references(obj: Manifest) -> Iterator[Reference]:
    """All references of an object, which is as a Kubernetes API would store it."""
    spec = obj.get("spec") or {}
    namespace = obj["metadata"].get("namespace") or ""
    yield from _owner(spec, namespace)
    find = _BY_KIND.get(obj["kind"])
    if find is not None:
        yield from find(spec, namespace)


def _owner(spec: Spec, namespace: str) -> Iterator[Reference]:
    owner = spec.get("owner") or {}
    for field, kind in (
        ("projectName", "Project"),
        ("componentName", "Component"),
        ("resourceName", "Resource"),
    ):
        if owner.get(field):
            yield Reference(f"spec.owner.{field}", Key(kind, namespace, owner[field]))


def _named(path: str, kind: str, namespace: str, name: Any) -> Iterator[Reference]:
    if name:
        place = "" if kind.startswith("Cluster") else namespace
        yield Reference(path, Key(kind, place, str(name)))


def _typed(path: str, reference: Any, namespace: str) -> Iterator[Reference]:
    """A reference with kind and name; types of components carry their workload before a slash."""
    if isinstance(reference, Mapping) and reference.get("kind") and reference.get("name"):
        name = str(reference["name"]).rpartition("/")[2]
        yield from _named(path, str(reference["kind"]), namespace, name)


def _each(path: str, entries: Sequence[Any] | None, namespace: str) -> Iterator[Reference]:
    for position, entry in enumerate(entries or ()):
        yield from _typed(f"{path}[{position}]", entry, namespace)


def _component(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.componentType", spec.get("componentType"), namespace)
    yield from _each("spec.traits", spec.get("traits"), namespace)
    yield from _typed("spec.workflow", spec.get("workflow"), namespace)


def _component_type(spec: Spec, namespace: str) -> Iterator[Reference]:
    for field in ("traits", "allowedTraits", "allowedWorkflows"):
        yield from _each(f"spec.{field}", spec.get(field), namespace)


def _workload(spec: Spec, namespace: str) -> Iterator[Reference]:
    dependencies = spec.get("dependencies") or {}
    for position, entry in enumerate(dependencies.get("endpoints") or ()):
        path = f"spec.dependencies.endpoints[{position}]"
        yield from _named(f"{path}.component", "Component", namespace, entry.get("component"))
        yield from _named(f"{path}.project", "Project", namespace, entry.get("project"))
    for position, entry in enumerate(dependencies.get("resources") or ()):
        path = f"spec.dependencies.resources[{position}].ref"
        yield from _named(path, "Resource", namespace, entry.get("ref"))
    container = spec.get("container") or {}
    for field in ("env", "files"):
        for position, entry in enumerate(container.get(field) or ()):
            source = (entry.get("valueFrom") or {}).get("secretKeyRef") or {}
            path = f"spec.container.{field}[{position}].valueFrom.secretKeyRef.name"
            yield from _named(path, "SecretReference", namespace, source.get("name"))


def _release_binding(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _environment(spec, namespace)
    yield from _named("spec.releaseName", "ComponentRelease", namespace, spec.get("releaseName"))


def _project_binding(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _environment(spec, namespace)
    release = spec.get("projectRelease")
    yield from _named("spec.projectRelease", "ProjectRelease", namespace, release)


def _resource_binding(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _environment(spec, namespace)
    release = spec.get("resourceRelease")
    yield from _named("spec.resourceRelease", "ResourceRelease", namespace, release)


def _environment(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _named("spec.environment", "Environment", namespace, spec.get("environment"))


def _project(spec: Spec, namespace: str) -> Iterator[Reference]:
    pipeline = (spec.get("deploymentPipelineRef") or {}).get("name")
    path = "spec.deploymentPipelineRef.name"
    yield from _named(path, "DeploymentPipeline", namespace, pipeline)
    yield from _typed("spec.type", spec.get("type"), namespace)


def _resource(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.type", spec.get("type"), namespace)


def _pipeline(spec: Spec, namespace: str) -> Iterator[Reference]:
    for position, entry in enumerate(spec.get("promotionPaths") or ()):
        path = f"spec.promotionPaths[{position}]"
        source = (entry.get("sourceEnvironmentRef") or {}).get("name")
        yield from _named(f"{path}.sourceEnvironmentRef", "Environment", namespace, source)
        for target in entry.get("targetEnvironmentRefs") or ():
            field = f"{path}.targetEnvironmentRefs"
            yield from _named(field, "Environment", namespace, target.get("name"))


def _plane_of_environment(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.dataPlaneRef", spec.get("dataPlaneRef"), namespace)


def _plane_of_workflow(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.workflowPlaneRef", spec.get("workflowPlaneRef"), namespace)


def _observability(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.observabilityPlaneRef", spec.get("observabilityPlaneRef"), namespace)


def _target_plane(spec: Spec, namespace: str) -> Iterator[Reference]:
    yield from _typed("spec.targetPlane", spec.get("targetPlane"), namespace)


def _roles(spec: Spec, namespace: str) -> Iterator[Reference]:
    for position, entry in enumerate(spec.get("roleMappings") or ()):
        path = f"spec.roleMappings[{position}].roleRef"
        yield from _typed(path, entry.get("roleRef"), namespace)


_BY_KIND: Mapping[str, Callable[[Spec, str], Iterator[Reference]]] = {
    "Component": _component,
    "ComponentType": _component_type,
    "ClusterComponentType": _component_type,
    "Workload": _workload,
    "ReleaseBinding": _release_binding,
    "ProjectReleaseBinding": _project_binding,
    "ResourceReleaseBinding": _resource_binding,
    "Project": _project,
    "Resource": _resource,
    "DeploymentPipeline": _pipeline,
    "Environment": _plane_of_environment,
    "Workflow": _plane_of_workflow,
    "ClusterWorkflow": _plane_of_workflow,
    "DataPlane": _observability,
    "ClusterDataPlane": _observability,
    "WorkflowPlane": _observability,
    "ClusterWorkflowPlane": _observability,
    "SecretReference": _target_plane,
    "AuthzRoleBinding": _roles,
    "ClusterAuthzRoleBinding": _roles,
    "ObservabilityAlertsNotificationChannel": _environment,
}
