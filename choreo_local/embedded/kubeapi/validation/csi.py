"""Drivers of storage, the nodes they run on, what they attach and how much room they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names, printed, volumes
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_REQUIRED = {
    "attachRequired": "attachedRequired",
    "podInfoOnMount": "podInfoOnMount",
    "storageCapacity": "storageCapacity",
}
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MIN_TOKEN_SECONDS, _MAX_TOKEN_SECONDS = 600, 2**32
_MAX_NODE_ID = 256
_MIN_PERIOD = 10
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def validate_driver(obj: Manifest) -> Problems:
    """The problems of a driver."""
    spec = obj["spec"]
    for field, shown in _REQUIRED.items():
        if spec.get(field) is None:
            yield fielderrors.required(f"spec.{shown}")
    if spec.get("fsGroupPolicy") is not None:
        yield from checks.one_of("spec.fsGroupPolicy", spec["fsGroupPolicy"], _GROUP_POLICIES)
    yield from _tokens("spec.tokenRequests", spec.get("tokenRequests") or ())
    for mode in spec.get("volumeLifecycleModes") or ():
        yield from checks.one_of("spec.volumeLifecycleModes", mode, ("Persistent", "Ephemeral"))
    if spec.get("seLinuxMount") is None:
        yield fielderrors.required("spec.seLinuxMount")
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _MIN_PERIOD:
        yield fielderrors.invalid_value(
            "spec.nodeAllocatableUpdatePeriodSeconds",
            period,
            f"must be greater than or equal to {_MIN_PERIOD} seconds",
        )


def _tokens(path: str, requests: Sequence[Object]) -> Problems:
    audiences: set[str] = set()
    for index, request in enumerate(requests):
        audience, seconds = request.get("audience") or "", request.get("expirationSeconds")
        if audience in audiences:
            yield fielderrors.duplicate(f"{path}[{index}].audience", audience)
            continue
        audiences.add(audience)
        here = f"{path}[{index}].expirationSeconds"
        if seconds is not None and seconds < _MIN_TOKEN_SECONDS:
            yield fielderrors.invalid_value(
                here, seconds, "may not specify a duration less than 10 minutes"
            )
        if seconds is not None and seconds > _MAX_TOKEN_SECONDS:
            yield fielderrors.invalid_value(
                here, seconds, "may not specify a duration larger than 2^32 seconds"
            )


def validate_driver_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed driver."""
    yield from validate_driver(new)
    after, before = new["spec"], old["spec"]
    yield from checks.unchanged(
        "spec.attachedRequired", after.get("attachRequired"), before.get("attachRequired")
    )
    yield from checks.unchanged(
        "spec.volumeLifecycleModes",
        after.get("volumeLifecycleModes"),
        before.get("volumeLifecycleModes"),
    )


def validate_node(obj: Manifest) -> Problems:
    """The problems of a node's list of drivers."""
    seen: set[str] = set()
    for index, driver in enumerate(obj["spec"].get("drivers") or ()):
        path, name = f"spec.drivers[{index}]", driver.get("name") or ""
        yield from volumes.csi_driver_name(f"{path}.name", name)
        yield from _node_id(f"{path}.nodeID", driver.get("nodeID") or "")
        count = (driver.get("allocatable") or {}).get("count")
        yield from checks.not_negative(f"{path}.allocatable.count", count)
        if name in seen:
            yield fielderrors.duplicate(f"{path}.name", name)
        seen.add(name)
        yield from _topology_keys(path, driver.get("topologyKeys") or ())


def _node_id(path: str, value: str) -> Problems:
    if not value:
        yield fielderrors.required(path)
    elif len(value.encode()) > _MAX_NODE_ID:
        yield fielderrors.invalid_value(path, value, f"must be {_MAX_NODE_ID} characters or less")


def _topology_keys(path: str, keys: Sequence[str]) -> Problems:
    for index, key in enumerate(keys):
        if not key:
            yield fielderrors.required(path)
        if key in keys[:index]:
            yield fielderrors.duplicate(path, key)
        yield from checks.fits(path, key, names.qualified_name)


def validate_node_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed list of drivers: what is known of one stays."""
    yield from validate_node(new)
    known = {driver.get("name"): driver for driver in old["spec"].get("drivers") or ()}
    for driver in new["spec"].get("drivers") or ():
        before = known.get(driver.get("name"))
        if before is not None and _fixed(before) != _fixed(driver):
            shown = printed.internal("storage.CSINodeDriver", _fixed(driver))
            yield metadata.immutable("spec.drivers", shown)


def _fixed(driver: Object) -> dict[str, Any]:
    return {key: value for key, value in driver.items() if key != "allocatable"}


def validate_attachment(obj: Manifest) -> Problems:
    """The problems of a volume that is attached to a node."""
    spec = obj["spec"]
    yield from volumes.csi_driver_name("spec.attacher", spec.get("attacher") or "")
    source, path = spec.get("source") or {}, "spec.source"
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if name is None and inline is None:
        yield fielderrors.required(path, _ONE_SOURCE)
    elif name is not None and inline is not None:
        yield fielderrors.forbidden(path, _ONE_SOURCE)
    elif name == "":
        yield fielderrors.required(
            f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName"
        )
    yield from checks.fits("spec.nodeName", spec.get("nodeName") or "", names.dns_subdomain)
    if name is not None:
        yield from checks.fits(f"{path}.persistentVolumeName", name, names.dns_subdomain)


def validate_attachment_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed attachment."""
    yield from validate_attachment(new)
    if new["spec"] != old["spec"]:
        shown = printed.internal("storage.VolumeAttachmentSpec", new["spec"])
        yield metadata.immutable("spec", shown)


def validate_capacity(obj: Manifest) -> Problems:
    """The problems of the room that a driver has."""
    yield from checks.label_selector("nodeTopology", obj.get("nodeTopology"))
    class_ = obj.get("storageClassName") or ""
    yield from checks.fits("storageClassName", class_, names.dns_subdomain)
    if obj.get("capacity") is not None:
        yield from checks.amount("capacity", obj["capacity"])


def validate_capacity_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of changed room."""
    yield from validate_capacity(new)
    for field in ("nodeTopology", "storageClassName"):
        if new.get(field) != old.get(field):
            empty = "" if field == "storageClassName" else None
            yield metadata.immutable(field, new.get(field) or empty)
