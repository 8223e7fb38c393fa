"""Claims that ask for more than their volume has: local volumes grow, others wait. Pure.

A local volume is a folder, so growing it changes what is said of it, in the steps in which every
driver does it: the claim says that it is being resized, the volume grows, the claim has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import conditions
from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.goquantity import whole_bytes
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan

_RESIZING = "Resizing"
_WAITING = "waiting for an external controller to expand this PVC"


def plan(claim: Manifest, volume: Manifest, *, is_local: bool) -> Plan | None:
    """What to do for a bound claim; None when it asks for no more than it has."""
    status = claim.get("status") or {}
    found = status.get("conditions") or ()
    resizing = any(each["type"] == _RESIZING for each in found)
    requested = (claim["spec"].get("resources") or {}).get("requests") or {}
    if _size(requested) <= _size(status.get("capacity")):
        return _settled(claim, found) if resizing else None
    if not is_local:
        return Plan(notes=(Note(claim, "ExternalExpanding", _WAITING),))
    if not resizing:
        started = {"type": _RESIZING, "status": "True", "lastProbeTime": None}
        after = conditions.set_(found, started, now=clock.timestamp())
        return _with_status(claim, {"conditions": after})
    if _size(volume["spec"].get("capacity")) < _size(requested):
        capacity = {**(volume["spec"].get("capacity") or {}), "storage": requested["storage"]}
        spec = {**volume["spec"], "capacity": capacity}
        return Plan((plans.update(kinds.PERSISTENT_VOLUMES, {**volume, "spec": spec}),))
    capacity = volume["spec"]["capacity"]
    change = {"capacity": capacity, "conditions": _without_resizing(found)}
    text = f"ExpandVolume succeeded for volume {claim['metadata']['namespace']}"
    note = Note(claim, "VolumeResizeSuccessful", f"{text}/{claim['metadata']['name']}")
    return Plan(_with_status(claim, change).writes, (note,))


def _settled(claim: Manifest, found: Sequence[Mapping[str, Any]]) -> Plan:
    return _with_status(claim, {"conditions": _without_resizing(found)})


def _without_resizing(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in found if each["type"] != _RESIZING]


def _with_status(claim: Manifest, change: Mapping[str, Any]) -> Plan:
    status = {**(claim.get("status") or {}), **change}
    return Plan((plans.update_status(kinds.PERSISTENT_VOLUME_CLAIMS, {**claim, "status": status}),))


def _size(resources: Mapping[str, Any] | None) -> int:
    return whole_bytes((resources or {}).get("storage", "0"))
