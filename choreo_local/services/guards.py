"""What each operation of each kind asks of authorization: action, place, attributes; pure.

The place comes from the path, and for kinds that belong to something from the object, either the
stored one or the one in the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.authz import actions
from choreo_local.authz.types import Hierarchy
from choreo_local.services import kinds
from choreo_local.services.kinds import ServedKind

Body = Mapping[str, Any]

# Roles and bindings are asked for once, not one by one.
_WHOLE_LISTS = frozenset(
    {"AuthzRole", "AuthzRoleBinding", "ClusterAuthzRole", "ClusterAuthzRoleBinding"}
)


def action(kind: ServedKind, verb: str) -> str:
    """The action, e.g. `component:view`."""
    return f"{kind.kind.lower()}:{verb}"


def is_listed_whole(kind: ServedKind) -> bool:
    """Whether a list is allowed or forbidden as a whole, instead of item by item."""
    return kind.kind in _WHOLE_LISTS


def is_placed_by_path(kind: ServedKind) -> bool:
    """Whether the path says where an object is; otherwise the object itself must be read."""
    return kind.owner is None and kind.resource != registry.WORKFLOW_RUN


def around(kind: ServedKind, namespace: str | None) -> Hierarchy:
    """The place that holds all objects of a list."""
    return Hierarchy(namespace or "") if kind.resource.namespaced else Hierarchy()


def by_path(kind: ServedKind, name: str, namespace: str | None) -> Hierarchy:
    """Where an object is, for kinds that need not be read for that."""
    if kind.resource == kinds.NAMESPACE:
        return Hierarchy(name)
    if kind.resource == registry.PROJECT:
        return Hierarchy(namespace or "", name)
    return around(kind, namespace)


def by_object(
    kind: ServedKind, obj: Body, *, name: str | None = None, namespace: str | None
) -> Hierarchy:
    """Where an object is; `name` where its path says it and its body need not."""
    name = _text(_mapping(obj.get("metadata")).get("name")) if name is None else name
    if is_placed_by_path(kind):
        return by_path(kind, name, namespace)
    if kind.resource == registry.WORKFLOW_RUN:
        return _of_run(obj, namespace or "")
    owner = _mapping(_spec(obj).get("owner"))
    project = _text(owner.get("projectName"))
    component = _text(owner.get("componentName"))
    resource = _text(owner.get("resourceName"))
    component = name if kind.resource == registry.COMPONENT else component
    resource = name if kind.resource == registry.RESOURCE else resource
    return Hierarchy(namespace or "", project, component, resource)


def attributes(asked: str, kind: ServedKind, obj: Body, *, namespace: str | None) -> dict[str, str]:
    """What conditions on the action `asked` may look at, read from an object of the kind."""
    known = actions.ALL.get(asked)
    if known is None or not known.attribute:
        return {}
    read = _READERS.get((kind.kind, known.attribute))
    return {known.attribute: read(_spec(obj), namespace or "")} if read is not None else {}


def environment(name: str, namespace: str) -> dict[str, str]:
    """What conditions see of an environment."""
    return {"environment": f"{namespace}/{name}" if name else ""}


def _of_run(obj: Body, namespace: str) -> Hierarchy:
    given = _mapping(_mapping(obj.get("metadata")).get("labels"))
    project, component = _text(given.get(labels.PROJECT)), _text(given.get(labels.COMPONENT))
    return (
        Hierarchy(namespace, project, component) if project and component else Hierarchy(namespace)
    )


def _environment(spec: Body, namespace: str) -> str:
    return environment(_text(spec.get("environment")), namespace)["environment"]


def _component_type(spec: Body, namespace: str) -> str:
    reference = _mapping(spec.get("componentType"))
    name = _text(reference.get("name")).rpartition("/")[2]
    return _dual(reference, name, namespace, of_cluster={"ClusterComponentType"})


def _resource_type(spec: Body, namespace: str) -> str:
    reference = _mapping(spec.get("type"))
    name = _text(reference.get("name"))
    return _dual(reference, name, namespace, of_cluster={"ClusterResourceType"})


def _workflow(spec: Body, namespace: str) -> str:
    reference = _mapping(spec.get("workflow"))
    name = _text(reference.get("name"))
    return _dual(reference, name, namespace, of_cluster={"", "ClusterWorkflow"})


def _dual(reference: Body, name: str, namespace: str, *, of_cluster: set[str]) -> str:
    """A name as conditions see it: bare for what belongs to the cluster."""
    if not name or _text(reference.get("kind")) in of_cluster:
        return name
    return f"{namespace}/{name}"


_READERS = {
    ("Component", "componentType"): _component_type,
    ("Resource", "resourceType"): _resource_type,
    ("WorkflowRun", "workflow"): _workflow,
    ("ReleaseBinding", "environment"): _environment,
    ("ResourceReleaseBinding", "environment"): _environment,
    ("ProjectReleaseBinding", "environment"): _environment,
}


def _spec(obj: Body) -> Body:
    return _mapping(obj.get("spec"))


def _mapping(value: Any) -> Body:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
