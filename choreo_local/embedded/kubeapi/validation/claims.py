"""Persistent volume claims and persistent volumes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names, printed, scheduling
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES = ("Block", "Filesystem")
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def validate(obj: dict[str, Any]) -> Problems:
    """The problems of a claim."""
    yield from validate_spec(obj["spec"], "spec")


def validate_spec(spec: Object, path: str) -> Problems:
    """The problems of what a claim asks for."""
    if not spec.get("accessModes"):
        yield fielderrors.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from checks.label_selector(f"{path}.selector", spec.get("selector"))
    yield from _access_modes(f"{path}.accessModes", spec.get("accessModes") or ())
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield fielderrors.required(f"{path}.resources[storage]")
    elif checks.nanos(size) <= 0:
        yield fielderrors.invalid_value(
            f"{path}.resources[storage]", size, "must be greater than zero"
        )
    if spec.get("storageClassName"):
        yield from checks.fits(
            f"{path}.storageClassName", spec["storageClassName"], names.dns_subdomain
        )
    if spec.get("volumeMode") is not None:
        yield from checks.one_of(f"{path}.volumeMode", spec["volumeMode"], _VOLUME_MODES)
    yield from _sources(spec, path)
    if spec.get("volumeAttributesClassName"):
        yield from checks.fits(
            f"{path}.volumeAttributesClassName",
            spec["volumeAttributesClassName"],
            names.dns_subdomain,
        )


def _access_modes(path: str, modes: Iterable[str]) -> Problems:
    listed = list(modes)
    for mode in listed:
        yield from checks.one_of(path, mode, _MODES)
    known = [mode for mode in listed if mode in _MODES]
    if "ReadWriteOncePod" in known and any(mode != "ReadWriteOncePod" for mode in known):
        yield fielderrors.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _sources(spec: Object, path: str) -> Problems:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    for field, found in (("dataSource", source), ("dataSourceRef", reference)):
        if found is not None:
            yield from _source(f"{path}.{field}", found)
    if source is None or reference is None:
        return
    if reference.get("namespace"):
        yield fielderrors.invalid_value(
            path, {}, "may not be specified when dataSourceRef.namespace is specified"
        )
    elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
        yield fielderrors.invalid_value(path, {}, "must match dataSourceRef")


def _source(path: str, found: Object) -> Problems:
    for field in ("name", "kind"):
        if not found.get(field):
            yield fielderrors.required(f"{path}.{field}")
    group, kind = found.get("apiGroup") or "", found.get("kind") or ""
    if group:
        yield from checks.fits(f"{path}.apiGroup", group, names.dns_subdomain)
    elif kind != "PersistentVolumeClaim":
        yield fielderrors.invalid_value(
            path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        )
    if found.get("namespace"):
        yield from checks.fits(f"{path}.namespace", found["namespace"], names.dns_label)


def validate_update(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed claim: hardly anything may change."""
    yield from validate(new)
    after, before = dict(new["spec"]), dict(old["spec"])
    annotation = (old["metadata"].get("annotations") or {}).get(_BETA_CLASS)
    now = (new["metadata"].get("annotations") or {}).get(_BETA_CLASS)
    if now != annotation:
        yield metadata.immutable(f"metadata.annotations[{_BETA_CLASS}]", now or "")
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if before.get("storageClassName") is None and annotation in (
        None,
        after.get("storageClassName"),
    ):
        before["storageClassName"] = after.get("storageClassName")
    if (new.get("status") or {}).get("phase") == "Bound":
        after["resources"] = _with_size(after, before)
        after["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    if _dropped_nulls(after) != _dropped_nulls(before):
        change = printed.difference("core.PersistentVolumeClaimSpec", before, after)
        yield fielderrors.forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and "
            f"volumeAttributesClassName for bound claims\n{change}",
        )
    yield from _size_change(new, old)
    yield from checks.unchanged(
        "volumeMode", new["spec"].get("volumeMode"), old["spec"].get("volumeMode")
    )


def _size(spec: Object) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _with_size(after: Object, before: Object) -> dict[str, Any]:
    resources = dict(after.get("resources") or {})
    resources["requests"] = {**(resources.get("requests") or {}), "storage": _size(before)}
    return resources


def _dropped_nulls(spec: Object) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if value not in (None, "", [], {})}


def _size_change(new: Object, old: Object) -> Problems:
    wanted, given = checks.nanos(_size(new["spec"])), checks.nanos(_size(old["spec"]))
    if wanted >= given:
        return
    capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if wanted <= checks.nanos(capacity):
        yield fielderrors.forbidden(
            "spec.resources.requests.storage", "field can not be less than status.capacity"
        )


def validate_volume(obj: dict[str, Any]) -> Problems:
    """The problems of a persistent volume."""
    from choreo_local.embedded.kubeapi.validation import volumesources

    spec: Object = obj["spec"]
    if not spec.get("accessModes"):
        yield fielderrors.required("spec.accessModes")
    yield from _access_modes("spec.accessModes", spec.get("accessModes") or ())
    yield from _capacity(spec.get("capacity") or {})
    policy = spec.get("persistentVolumeReclaimPolicy") or ""
    if policy:
        yield from checks.one_of(
            "spec.persistentVolumeReclaimPolicy", policy, ("Delete", "Recycle", "Retain")
        )
    affinity = spec.get("nodeAffinity")
    if affinity is not None and affinity.get("required") is None:
        yield fielderrors.required(
            "spec.nodeAffinity.required", "must specify required node constraints"
        )
    elif affinity is not None:
        yield from scheduling.node_selector("spec.nodeAffinity.required", affinity["required"])
    yield from volumesources.validate(spec, "spec")
    path = (spec.get("hostPath") or {}).get("path")
    if path and posixpath.normpath(path) == "/" and policy == "Recycle":
        yield fielderrors.forbidden(
            "spec.persistentVolumeReclaimPolicy",
            "may not be 'recycle' for a hostPath mount of '/'",
        )
    if spec.get("storageClassName"):
        yield from checks.fits(
            "spec.storageClassName", spec["storageClassName"], names.dns_subdomain
        )
    if spec.get("volumeMode") is not None:
        yield from checks.one_of("spec.volumeMode", spec["volumeMode"], _VOLUME_MODES)
    yield from _attributes(spec)


def _attributes(spec: Object) -> Problems:
    name = spec.get("volumeAttributesClassName")
    if name is None:
        return
    if not name:
        yield fielderrors.required(
            "spec.volumeAttributesClassName", "an empty string is disallowed"
        )
    else:
        yield from checks.fits("spec.volumeAttributesClassName", name, names.dns_subdomain)
    if spec.get("csi") is None:
        yield fielderrors.required(
            "spec.csi", "has to be specified when using volumeAttributesClassName"
        )


def _capacity(capacity: Object) -> Problems:
    if not capacity:
        yield fielderrors.required("spec.capacity")
    if list(capacity) != ["storage"]:
        yield fielderrors.not_supported("spec.capacity", capacity or None, ["storage"])
    for name, size in capacity.items():
        if checks.nanos(size) <= 0:
            yield fielderrors.invalid_value(
                f"spec.capacity[{name}]", size, "must be greater than zero"
            )


def validate_volume_update(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed volume: its source stays."""
    from choreo_local.embedded.kubeapi.validation import volumesources

    yield from validate_volume(new)
    after = {name: new["spec"].get(name) for name in volumesources.SOURCES}
    before = {name: old["spec"].get(name) for name in volumesources.SOURCES}
    csi, known = after.get("csi"), before.get("csi")
    if csi and known and known.get("controllerExpandSecretRef") is None:
        after["csi"] = {k: v for k, v in csi.items() if k != "controllerExpandSecretRef"}
    if after != before:
        change = printed.difference("core.PersistentVolumeSource", old["spec"], new["spec"])
        yield fielderrors.forbidden(
            "spec.persistentvolumesource",
            f"spec.persistentvolumesource is immutable after creation\n{change}",
        )
    yield from checks.unchanged(
        "volumeMode", new["spec"].get("volumeMode"), old["spec"].get("volumeMode")
    )
    affinity, settled = new["spec"].get("nodeAffinity"), old["spec"].get("nodeAffinity")
    if settled is not None and affinity != settled:
        yield fielderrors.invalid_value(
            "nodeAffinity",
            printed.internal("*core.VolumeNodeAffinity", affinity),
            "field is immutable, except for updating from beta label to GA",
        )
    attributes = "volumeAttributesClassName"
    if new["spec"].get(attributes) is None and old["spec"].get(attributes) is not None:
        yield fielderrors.forbidden(
            f"spec.{attributes}", "update from non-nil value to nil is forbidden"
        )
