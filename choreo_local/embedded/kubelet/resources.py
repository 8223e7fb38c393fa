"""Requests and limits of containers: amounts, quality-of-service class, effective values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from choreo_local.embedded.kubelet import podspec
from choreo_local.embedded.kubelet.podspec import Manifest

_SUFFIXES: Mapping[str, Decimal] = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_QOS_RESOURCES = ("cpu", "memory")


def amount(quantity: Any) -> Decimal:
    """The number that a quantity such as `100m` or `64Mi` stands for; ValueError if it is none."""
    text = str(quantity)
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            return _number(text.removesuffix(suffix)) * factor
    return _number(text)


def _number(text: str) -> Decimal:
    # Longer texts cannot be quantities, and a huge exponent would make the arithmetic costly.
    if len(text) > 40:
        raise ValueError(f"{text[:40]}… is not a quantity")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a quantity") from None
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise ValueError(f"{text!r} is not a quantity")
    return number


def effective(container: Manifest, resource: str, allocatable: Mapping[str, Any]) -> Decimal:
    """The value of `limits.cpu`, `requests.memory`, …; a missing limit is what the node has."""
    kind, _, name = resource.partition(".")
    found = (container.get("resources") or {}).get(kind) or {}
    if name in found:
        return amount(found[name])
    if kind == "limits" and name in allocatable:
        return amount(allocatable[name])
    return Decimal(0)


def in_units(value: Decimal, divisor: Any) -> int:
    """`value` in units of `divisor`, rounded up, as `resourceFieldRef` wants it."""
    unit = amount(divisor) if divisor not in (None, "", "0") else Decimal(1)
    return int((value / unit).to_integral_value(rounding=ROUND_CEILING))


def memory_limit(resources: Mapping[str, Any]) -> int | None:
    """The memory limit in bytes; None when there is none."""
    limit = (resources.get("limits") or {}).get("memory")
    return None if limit is None else int(amount(limit))


def quality_class(pod: Manifest) -> str:
    """Guaranteed, Burstable or BestEffort."""
    asked = False
    guaranteed = True
    for container in podspec.iter_containers(pod):
        resources = container.get("resources") or {}
        limits = _positive(resources.get("limits"))
        requests = _positive(resources.get("requests")) or limits
        asked = asked or bool(limits or requests)
        guaranteed = guaranteed and len(limits) == len(_QOS_RESOURCES) and requests == limits
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _positive(found: Mapping[str, Any] | None) -> dict[str, Decimal]:
    values = {name: amount((found or {}).get(name, 0)) for name in _QOS_RESOURCES}
    return {name: value for name, value in values.items() if value > 0}
