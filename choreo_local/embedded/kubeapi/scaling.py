"""The scale subresource: an `autoscaling/v1 Scale` in front of three fields of an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors, selectors
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.embedded.kubeapi import (
    answers,
    bodies,
    conversion,
    definitions,
    patching,
    problems,
    reading,
    scaleownership,
    typed,
    writing,
)
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import read_write
from choreo_local.embedded.kubeapi.ownership import AppliedOwnership
from choreo_local.embedded.kubeapi.registry import Collection

_KIND = GroupVersionKind("autoscaling", "v1", "Scale")
_PATHS = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
}


async def get(core: Core, call: Call) -> Response:
    """The scale of an object."""
    stored = core.store.get(call.collection.storage, call.key)
    if stored is None:
        raise problems.not_found(call.collection.kind, call.name)
    await conversion.prepare(call.collection, [stored])
    obj = reading.versioned(call.collection, stored.fresh())
    return answers.value(call, to_scale(call.collection, obj))


def to_scale(collection: Collection, obj: Manifest) -> Manifest:
    """An object as its Scale."""
    paths = collection.served.scale or _PATHS
    replicas = _read(obj, paths["specReplicasPath"])
    if replicas is None and collection.served.custom:
        raise problems.internal(
            f'the spec replicas field "{paths["specReplicasPath"]}" does not exist'
        )
    status: Manifest = {"replicas": _read(obj, paths["statusReplicasPath"]) or 0}
    selector = _selector(collection, obj)
    if selector:
        status["selector"] = selector
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": _KIND.kind,
        "apiVersion": _KIND.api_version,
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _selector(collection: Collection, obj: Manifest) -> str:
    if collection.served.custom:
        path = (collection.served.scale or {}).get("labelSelectorPath")
        return str(_read(obj, path) or "") if path else ""
    selector = (obj.get("spec") or {}).get("selector") or {}
    if collection.kind.group:
        return str(selectors.from_dict(selector))
    return str(selectors.from_map(selector))


def _read(obj: Mapping[str, Any], path: str) -> Any:
    found: Any = obj
    for step in path.strip(".").split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _write(obj: Manifest, path: str, value: Any) -> None:
    *parents, last = path.strip(".").split(".")
    for step in parents:
        obj = obj.setdefault(step, {})
    obj[last] = value


async def change(core: Core, call: Call) -> Response:
    """PUT or PATCH of a scale: sets the replicas of the object."""
    if call.verb == "patch" and patching.patch_type(call) == patching.APPLY_PATCH:
        return await _apply(core, call)
    kind = "PatchOptions" if call.verb == "patch" else "UpdateOptions"
    options = read_write(call.request, kind)
    document = _read_body(call)

    async def make(old: Manifest | None) -> Manifest:
        if old is None:
            raise problems.not_found(call.collection.kind, call.name)
        scale = to_scale(call.collection, old)
        wanted = document if call.verb == "update" else _patched(call, scale, document)
        new = _scaled(call, old, wanted)
        meta = wanted.get("metadata") or {}
        new["metadata"]["resourceVersion"] = meta.get("resourceVersion") or ""
        if meta.get("uid"):
            new["metadata"]["uid"] = meta["uid"]
        if not new["metadata"]["resourceVersion"]:
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        return new

    obj = await writing.change_object(core, call, make, options)
    return answers.value(call, to_scale(call.collection, obj))


def _scaled(call: Call, old: Manifest, scale: Manifest) -> Manifest:
    new = deep_copy(old)
    path = (call.collection.served.scale or _PATHS)["specReplicasPath"]
    _write(new, path, _checked_replicas(call, scale))
    return new


async def _apply(core: Core, call: Call) -> Response:
    """An apply of a Scale: whoever has set the replicas otherwise, also in the object, objects."""
    options = read_write(call.request, "PatchOptions", apply=True)
    applied = patching.read_applied(call, options)
    ownership = _ScaleOwnership.of_apply(call, options, applied)
    path = (call.collection.served.scale or _PATHS)["specReplicasPath"]

    async def make(old: Manifest | None) -> Manifest:
        if old is None:
            raise problems.not_found(call.collection.kind, call.name)
        scale, entries = to_scale(call.collection, old), old["metadata"].get("managedFields") or []
        scale["metadata"]["managedFields"] = scaleownership.of_scale(entries, path)
        merged = ownership.merge(scale)
        _shape(merged)
        new = _scaled(call, old, merged)
        new["metadata"]["managedFields"] = scaleownership.of_object(
            entries,
            merged["metadata"].get("managedFields") or [],
            path,
            api_version=call.collection.kind.api_version,
        )
        return new

    obj = await writing.change_object(core, call, make, options, ownership=ownership)
    return answers.value(call, to_scale(call.collection, obj))


class _ScaleOwnership(AppliedOwnership):
    @property
    def schema(self) -> Structural | None:
        return definitions.compiled(_KIND)

    @property
    def api_version(self) -> str:
        return _KIND.api_version


def _shape(scale: Manifest) -> None:
    try:
        typed.shape(_KIND, scale)
    except ValueError as error:
        raise patching.undecodable(scale, str(error)) from None


def _read_body(call: Call) -> Any:
    if call.verb == "patch":
        return None
    content_type = call.request.header("content-type")
    try:
        scale = bodies.decode(content_type, call.request.body, _KIND).value
    except bodies.BodyError as error:
        raise bodies.unreadable(_KIND.kind, call.request.body, error) from None
    if not isinstance(scale, dict):
        raise problems.bad_request("the body of a scale must be an object")
    try:
        typed.shape(_KIND, scale)
    except ValueError as error:
        raise problems.bad_request(
            f'Scale in version "v1" cannot be handled as a Scale: {error}'
        ) from None
    name = (scale.get("metadata") or {}).get("name") or call.name
    if name != call.name:
        raise problems.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
    return scale


def _patched(call: Call, scale: Manifest, _: Any) -> Manifest:
    kind = patching.patch_type(call)
    options = read_write(call.request, "PatchOptions")
    document = patching.read_patch(call, kind, options)
    found = patching.apply_document(call, scale, document, kind)
    patched = found if isinstance(found, dict) else {}
    _shape(patched)
    return patched


def _checked_replicas(call: Call, scale: Manifest) -> int:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0 and not call.collection.served.custom:
        cause = fielderrors.invalid_value(
            "spec.replicas", replicas, "must be greater than or equal to 0"
        )
        raise fielderrors.invalid("Scale", call.name, [cause], group="autoscaling")
    return replicas
