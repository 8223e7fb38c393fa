"""The quality-of-service class of a pod: who goes first when a node runs out of memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi import quantity

_COUNTED = ("cpu", "memory")


def quality_of_service(spec: Mapping[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort."""
    whole = spec.get("resources") or {}
    if whole.get("requests") or whole.get("limits"):
        return _class([whole])
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return _class([container.get("resources") or {} for container in containers])


def _class(resources: list[Mapping[str, Any]]) -> str:
    requests = [_amounts(one.get("requests")) for one in resources]
    limits = [_amounts(one.get("limits")) for one in resources]
    if not any(requests) and not any(limits):
        return "BestEffort"
    guaranteed = all(len(limit) == len(_COUNTED) for limit in limits)
    if guaranteed and _total(requests) == _total(limits):
        return "Guaranteed"
    return "Burstable"


def _amounts(found: Mapping[str, Any] | None) -> dict[str, int]:
    amounts = (
        {name: quantity.parse(str(found[name])).nanos for name in _COUNTED if name in (found or {})}
        if found
        else {}
    )
    return {name: nanos for name, nanos in amounts.items() if nanos > 0}


def _total(amounts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(one.get(name, 0) for one in amounts) for name in _COUNTED}
