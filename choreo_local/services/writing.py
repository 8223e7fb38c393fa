"""What becomes of the body of a create or an update; pure.

Only spec, labels and annotations are taken from a body. What the API fills in, forces or refuses
for single kinds is here, one function a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.api import labels
from choreo_local.errors import BadRequestError
from choreo_local.services.kinds import OWNER_LABELS, Rule, ServedKind

Manifest = dict[str, Any]
Body = Mapping[str, Any]

_NAMESPACE_TEXTS = (labels.DISPLAY_NAME, labels.DESCRIPTION)


def new(kind: ServedKind, body: Body, *, namespace: str | None) -> Manifest:
    """The object to create; BadRequestError when the body does not fit the path."""
    obj = _named(kind, body, namespace)
    _take(obj, body)
    _check_required(kind, obj)
    fill = _DEFAULTS.get(kind.kind)
    if fill is not None:
        fill(obj)
    _force_owner_labels(kind, obj)
    return obj


def applied(
    kind: ServedKind, current: Manifest | None, body: Body, namespace: str | None
) -> Manifest:
    """The fields that applying a body sets; BadRequestError when it must not be applied."""
    if current is None:
        return new(kind, body, namespace=namespace)
    check = _CHECKS.get(kind.kind)
    if check is not None:
        check(current, body)
    obj = _named(kind, body, namespace)
    _take(obj, body)
    # What creation filled in is not taken away by a manifest that never had it.
    kept = {
        field: current["spec"][field]
        for field in _FILLED.get(kind.kind, ())
        if field in (current.get("spec") or {})
    }
    if kept:
        obj["spec"] = {**kept, **(obj.get("spec") or {})}
    _check_required(kind, obj)
    _force_owner_labels(kind, obj)
    return obj


def updated(kind: ServedKind, current: Manifest, body: Body) -> Manifest:
    """`current` with what an update may change; BadRequestError when it must not."""
    check = _CHECKS.get(kind.kind)
    if check is not None:
        check(current, body)
    obj = {key: value for key, value in current.items() if key != "status"}
    obj["metadata"] = dict(current["metadata"])
    if kind.kind == "Namespace":
        _take_namespace_texts(obj, body)
        return obj
    _take(obj, body)
    _check_required(kind, obj)
    _force_owner_labels(kind, obj)
    return obj


def _named(kind: ServedKind, body: Body, namespace: str | None) -> Manifest:
    metadata = body.get("metadata") or {}
    if Rule.SAME_NAMESPACE in kind.rules and metadata.get("namespace") not in (None, "", namespace):
        raise BadRequestError("Namespace in body does not match path")
    name = metadata.get("name") or ""
    if not name and Rule.NAMES_ITSELF not in kind.rules:
        raise BadRequestError("metadata.name is required")
    return {
        "apiVersion": kind.resource.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }


def _check_required(kind: ServedKind, obj: Manifest) -> None:
    for field in _REQUIRED.get(kind.kind, ()):
        if not (obj.get("spec") or {}).get(field):
            raise BadRequestError(f"spec.{field} is required")


# What upstream would store as an empty text, which nothing can work with.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ObservabilityPlane": ("observerURL",),
    "ClusterObservabilityPlane": ("observerURL",),
}


def _take(obj: Manifest, body: Body) -> None:
    given = body.get("metadata") or {}
    for field in ("labels", "annotations"):
        obj["metadata"].pop(field, None)
        if given.get(field):
            obj["metadata"][field] = dict(given[field])
    # Clients with typed structs always send one, and an object without it would escape the rules
    # about what a spec must hold.
    obj["spec"] = {} if body.get("spec") is None else body["spec"]


def _take_namespace_texts(obj: Manifest, body: Body) -> None:
    given = (body.get("metadata") or {}).get("annotations") or {}
    taken = {key: given[key] for key in _NAMESPACE_TEXTS if key in given}
    obj["metadata"]["annotations"] = {**(obj["metadata"].get("annotations") or {}), **taken}


def _force_owner_labels(kind: ServedKind, obj: Manifest) -> None:
    if kind.owner is None or Rule.UNLABELLED in kind.rules:
        return
    owner = (obj.get("spec") or {}).get("owner")
    if not isinstance(owner, Mapping):
        return
    forced = {
        label: owner[field]
        for field, label in OWNER_LABELS.items()
        if isinstance(owner.get(field), str) and owner[field]
    }
    obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), **forced}


# What creation fills in.


def _namespace(obj: Manifest) -> None:
    given = obj["metadata"].get("labels") or {}
    obj["metadata"]["labels"] = {**given, labels.CONTROL_PLANE: labels.TRUE}


def _project(obj: Manifest) -> None:
    spec = dict(obj.get("spec") or {})
    if not spec.get("deploymentPipelineRef"):
        spec["deploymentPipelineRef"] = {"kind": "DeploymentPipeline", "name": labels.DEFAULT}
    if not spec.get("type"):
        spec["type"] = {"kind": "ClusterProjectType", "name": labels.DEFAULT}
    obj["spec"] = spec


def _environment(obj: Manifest) -> None:
    spec = dict(obj.get("spec") or {})
    given = spec.get("dataPlaneRef")
    reference = dict(given) if isinstance(given, Mapping) else {}
    spec["dataPlaneRef"] = {
        "kind": reference.get("kind") or "DataPlane",
        "name": reference.get("name") or labels.DEFAULT,
    }
    obj["spec"] = spec


_DEFAULTS: Mapping[str, Callable[[Manifest], None]] = {
    "Namespace": _namespace,
    "Project": _project,
    "Environment": _environment,
}

_FILLED: Mapping[str, tuple[str, ...]] = {
    "Project": ("deploymentPipelineRef", "type"),
    "Environment": ("dataPlaneRef",),
}


# What an update must not change.


def _same_project(current: Manifest, body: Body) -> None:
    _unchanged(current, body, ("owner", "projectName"))


def _same_environment(current: Manifest, body: Body) -> None:
    _unchanged(current, body, ("environment",))


def _unchanged(current: Manifest, body: Body, path: tuple[str, ...]) -> None:
    if _at(current, path) != _at(body, path):
        raise BadRequestError(f"spec.{'.'.join(path)} is immutable")


def _at(obj: Body, path: tuple[str, ...]) -> Any:
    found: Any = obj.get("spec")
    for field in path:
        found = found.get(field) if isinstance(found, Mapping) else None
    return found


_CHECKS: Mapping[str, Callable[[Manifest, Body], None]] = {
    "Component": _same_project,
    "ObservabilityAlertsNotificationChannel": _same_environment,
}
