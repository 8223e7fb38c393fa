"""What a pod asks for as a whole: requests or limits of all its containers. Pure.

Quotas and limit ranges judge by this, so it is computed once, here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Quantity

Amounts = dict[str, Quantity]


def of_pod(spec: Mapping[str, Any], field: str) -> Amounts:
    """The amounts of a pod.

    Args:
        spec: of the pod.
        field: `requests` or `limits`.

    Returns:
        What runs together is added up, sidecars included; an init container counts where it alone,
        with the sidecars that were started before it, asks for more.
    """
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, field))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.get("initContainers") or ():
        found = _amounts(container, field)
        if container.get("restartPolicy") == "Always":
            _add(total, found)
            _add(sidecars, found)
            found = dict(sidecars)
        else:
            _add(found, sidecars)
        _raise_to(starting, found)
    _raise_to(total, starting)
    return total


def with_overhead(spec: Mapping[str, Any], field: str) -> Amounts:
    """The same with what its runtime needs besides; limits only where there are any."""
    total = of_pod(spec, field)
    for name, amount in (spec.get("overhead") or {}).items():
        if field == "requests" or total.get(name):
            _add(total, {name: quantity.parse(str(amount))})
    return total


def _amounts(container: Mapping[str, Any], field: str) -> Amounts:
    found = (container.get("resources") or {}).get(field) or {}
    return {name: quantity.parse(str(amount)) for name, amount in found.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise_to(total: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        if name not in total or total[name] < amount:
            total[name] = amount
