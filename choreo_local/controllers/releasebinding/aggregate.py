"""`Ready` of a ReleaseBinding from the conditions it is made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from choreo_local.api.conditions import ReleaseBindingCondition as Type
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, met, unmet

_STATUS = {"True": True, "False": False}


def current(
    binding: Manifest, changed: Sequence[Condition], *, without: Sequence[str] = ()
) -> dict[str, Condition]:
    """The conditions as they will be after this pass, by type; `without` no longer apply."""
    conditions = {
        entry["type"]: Condition(
            type=entry["type"],
            status=_STATUS.get(entry["status"]),
            reason=entry["reason"],
            message=entry.get("message", ""),
        )
        for entry in (binding.get("status") or {}).get("conditions") or ()
        if entry["type"] not in without
    }
    return conditions | {condition.type: condition for condition in changed}


def ready(
    binding: Manifest, changed: Sequence[Condition], *, without: Sequence[str] = ()
) -> Condition:
    """True when every part is; else the reason of the first part that is not."""
    conditions = current(binding, changed, without=without)
    synced = conditions.get(Type.RELEASE_SYNCED)
    if synced is None:
        return unmet(Type.READY, Reason.RELEASE_SYNCED, "Release is not synced")
    optional = (Type.CONNECTIONS_RESOLVED, Type.RESOURCE_DEPENDENCIES_READY)
    parts = [synced, *(conditions[part] for part in optional if part in conditions)]
    for part in parts:
        if part.status is not True:
            return unmet(Type.READY, part.reason, part.message)
    resources = conditions.get(Type.RESOURCES_READY)
    if resources is None:
        return unmet(Type.READY, Reason.RESOURCES_PROGRESSING, "Resources are being evaluated")
    if resources.status is not True:
        return replace(resources, type=Type.READY)
    return met(Type.READY, Reason.READY, "ReleaseBinding is ready")
