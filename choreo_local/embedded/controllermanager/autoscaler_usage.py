"""The number of Pods that a usage asks for, with care for Pods of which little is known. Pure.

A Pod that is starting uses more than it will, and one without metrics may use anything: neither may
make the size jump, so they are counted as whatever speaks against the change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import goquantity, pods
from choreo_local.embedded.controllermanager.plans import Manifest

Usage = Mapping[str, Mapping[str, Mapping[str, str]]]

_TOLERANCE = 0.1
_CPU = "cpu"
_STARTING = timedelta(minutes=5)


class MetricError(ValueError):
    """A metric cannot be computed; the text says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the Pods with metrics use of a resource, and the size that this asks for."""

    size: int
    average: Decimal
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """Per Pod either a share of its request or an amount."""

    percent: int | None
    amount: Decimal

    @classmethod
    def of(cls, target: Mapping[str, Any]) -> _Target:
        if target["type"] == "Utilization":
            return cls(int(target["averageUtilization"]), Decimal(0))
        return cls(None, goquantity.number(target["averageValue"]))

    def share(self, used: Decimal, requested: Decimal) -> int:
        return int(used * 100 / requested) if requested else 0

    def ratio(self, used: Sequence[Decimal], requested: Decimal) -> float:
        """How many times the target is used."""
        total = sum(used, Decimal(0))
        if self.percent is not None:
            return self.share(total, requested) / self.percent
        return float(total / len(used) / self.amount)

    def most(self, requested: Decimal) -> Decimal:
        """What a Pod of unknown usage is taken to use when others want to shrink."""
        if self.percent is not None:
            return requested * max(100, self.percent) / 100
        return self.amount


@dataclass(frozen=True, slots=True)
class _Groups:
    measured: list[Manifest]
    starting: list[Manifest]
    missing: list[Manifest]


def read(
    source: Mapping[str, Any],
    found: Sequence[Manifest],
    usage: Usage,
    *,
    current: int,
    now: datetime,
) -> Reading:
    """The size for one resource metric; MetricError when it cannot be computed.

    Args:
        source: `resource` or `containerResource` of the metric.
        found: the Pods of the target.
        usage: for each Pod by name the usage of each container by resource.
        current: the present size.
        now: to tell which Pods are starting.
    """
    resource, container = source["name"], source.get("container")
    target = _Target.of(source["target"])
    groups = _grouped(found, usage, resource, now)
    if not usage:
        message = "no metrics returned from resource metrics API"
        raise MetricError(f"failed to get {resource} utilization: {message}")
    if not groups.measured:
        message = "did not receive metrics for targeted pods (pods might be unready)"
        raise MetricError(f"failed to get {resource} utilization: {message}")
    requested = {
        pod["metadata"]["name"]: _requested(pod, resource, container)
        if target.percent is not None
        else Decimal(0)
        for pod in (*groups.measured, *groups.starting, *groups.missing)
    }
    used = {
        pod["metadata"]["name"]: _used(usage[pod["metadata"]["name"]], resource, container)
        for pod in groups.measured
    }
    total = sum(used.values(), Decimal(0))
    asked = sum((requested[name] for name in used), Decimal(0))
    percent = target.share(total, asked) if target.percent is not None else None
    size = _size(target, groups, used, requested, current=current)
    return Reading(size, total / len(used), percent)


def _grouped(found: Sequence[Manifest], usage: Usage, resource: str, now: datetime) -> _Groups:
    groups = _Groups([], [], [])
    for pod in found:
        if not pods.is_active(pod):
            continue
        if pods.phase(pod) == "Pending":
            groups.starting.append(pod)
        elif pod["metadata"]["name"] not in usage:
            groups.missing.append(pod)
        elif resource == _CPU and _is_starting(pod, now):
            groups.starting.append(pod)
        else:
            groups.measured.append(pod)
    return groups


def _is_starting(pod: Manifest, now: datetime) -> bool:
    """Whether a Pod is not ready, and is young or has never been."""
    if pods.is_ready(pod):
        return False
    ready = pods.condition(pod, "Ready")
    started = (pod.get("status") or {}).get("startTime")
    if ready is None or not started:
        return True
    since = clock.parse_timestamp(started)
    changed = ready.get("lastTransitionTime")
    is_young = since + _STARTING > now
    return is_young or not changed or clock.parse_timestamp(changed) < since + timedelta(seconds=30)


def _size(
    target: _Target,
    groups: _Groups,
    used: Mapping[str, Decimal],
    requested: Mapping[str, Decimal],
    *,
    current: int,
) -> int:
    ratio = target.ratio(list(used.values()), sum((requested[n] for n in used), Decimal(0)))
    counted = dict(used)
    if ratio > 1:
        counted |= {pod["metadata"]["name"]: Decimal(0) for pod in groups.starting}
        counted |= {pod["metadata"]["name"]: Decimal(0) for pod in groups.missing}
    elif ratio < 1:
        for pod in groups.missing:
            name = pod["metadata"]["name"]
            counted[name] = target.most(requested[name])
    if len(counted) == len(used):
        return current if abs(ratio - 1) <= _TOLERANCE else math.ceil(ratio * len(used))
    cautious = target.ratio(
        list(counted.values()), sum((requested[n] for n in counted), Decimal(0))
    )
    if abs(cautious - 1) <= _TOLERANCE or (cautious > 1) != (ratio > 1):
        return current
    size = math.ceil(cautious * len(counted))
    return max(size, current) if cautious > 1 else min(size, current)


def _used(
    containers: Mapping[str, Mapping[str, str]], resource: str, container: str | None
) -> Decimal:
    chosen = [used for name, used in containers.items() if container in (None, name)]
    return sum((goquantity.number(used.get(resource, "0")) for used in chosen), Decimal(0))


def _requested(pod: Manifest, resource: str, container: str | None) -> Decimal:
    total = Decimal(0)
    for each in pod["spec"]["containers"]:
        if container not in (None, each["name"]):
            continue
        request = ((each.get("resources") or {}).get("requests") or {}).get(resource)
        if request is None:
            message = f"missing request for {resource} in container {each['name']} of Pod "
            raise MetricError(message + str(pod["metadata"]["name"]))
        total += goquantity.number(request)
    return total
