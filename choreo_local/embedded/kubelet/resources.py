"""Requests and limits of containers: effective values and quality-of-service class. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Quantity
from choreo_local.embedded.kubelet import podspec
from choreo_local.embedded.kubelet.podspec import Manifest

_QOS_RESOURCES = ("cpu", "memory")


def effective(container: Manifest, resource: str, allocatable: Mapping[str, Any]) -> Quantity:
    """The value of `limits.cpu`, `requests.memory`, …; a missing limit is what the node has."""
    kind, _, name = resource.partition(".")
    found = (container.get("resources") or {}).get(kind) or {}
    if name in found:
        return quantity.parse(found[name])
    if kind == "limits" and name in allocatable:
        return quantity.parse(allocatable[name])
    return quantity.ZERO


def in_units(value: Quantity, divisor: Any) -> int:
    """`value` in units of `divisor`, rounded up, as `resourceFieldRef` wants it."""
    unit = quantity.parse(divisor) if divisor not in (None, "", "0") else quantity.parse("1")
    return Quantity(value.value / unit.value).to_int()


def memory_limit(resources: Mapping[str, Any]) -> int | None:
    """The memory limit in bytes; None when there is none."""
    limit = (resources.get("limits") or {}).get("memory")
    return None if limit is None else quantity.parse(limit).to_int()


def quality_class(pod: Manifest) -> str:
    """Guaranteed, Burstable or BestEffort."""
    asked = False
    guaranteed = True
    for container in podspec.iter_containers(pod):
        resources = container.get("resources") or {}
        limits = _positive(resources.get("limits"))
        requests = {**limits, **_positive(resources.get("requests"))}
        asked = asked or bool(limits or requests)
        guaranteed = guaranteed and len(limits) == len(_QOS_RESOURCES) and requests == limits
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _positive(found: Mapping[str, Any] | None) -> dict[str, Quantity]:
    values = {name: quantity.parse((found or {}).get(name, 0)) for name in _QOS_RESOURCES}
    return {name: value for name, value in values.items() if value}
