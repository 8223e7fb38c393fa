"""HorizontalPodAutoscaler: the wanted size from metrics, and what its status says. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import autoscaler_limits, autoscaler_usage
from choreo_local.embedded.controllermanager.autoscaler_limits import Limited, Scaling
from choreo_local.embedded.controllermanager.autoscaler_usage import MetricError, Usage
from choreo_local.embedded.controllermanager.plans import Manifest

_DOWN_WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A size that was computed at a moment."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use.

    Attributes:
        current: the present size of the target.
        pods: the Pods of the target.
        usage: for each Pod by name the usage of each container by resource.
        history: earlier recommendations, newest last.
        scalings: earlier changes of the size.
    """

    autoscaler: Manifest
    current: int
    pods: Sequence[Manifest]
    usage: Usage
    history: Sequence[Recommendation]
    now: datetime
    scalings: Sequence[Scaling] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The wanted size; `reason` says why it differs, `status` is the new status."""

    size: int
    recommended: int
    reason: str
    status: dict[str, Any]


def failed(autoscaler: Manifest, type_: str, reason: str, message: str, now: datetime) -> Any:
    """The status when nothing can be decided."""
    before = autoscaler.get("status") or {}
    conditions = _with(before.get("conditions"), (type_, "False", reason, message), now)
    return {"desiredReplicas": 0, **before, "conditions": conditions}


def decide(observed: Observed) -> Decision:
    """The size that the metrics ask for, within the limits; MetricError when none can be read."""
    spec = observed.autoscaler["spec"]
    low, high = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    if observed.current == 0:
        return _disabled(observed)
    proposals, readings, failures = _proposals(observed)
    if not proposals:
        raise MetricError(failures[0] if failures else "no metrics are configured")
    size, name = max(proposals)
    stabilized = _stabilized(observed, size)
    held = _held(observed, min(max(stabilized, low), high), (low, high))
    status = _status(observed, (size, stabilized), held, (low, high), readings=readings, name=name)
    reason = "All metrics below target" if held.size < observed.current else f"{name} above target"
    return Decision(held.size, size, reason, status)


def _held(observed: Observed, wanted: int, bounds: tuple[int, int]) -> Limited:
    """The size as fast as the behavior allows; back within its bounds it goes at once."""
    if not bounds[0] <= observed.current <= bounds[1]:
        return Limited(wanted)
    return autoscaler_limits.limit(
        wanted,
        observed.current,
        behavior=observed.autoscaler["spec"].get("behavior"),
        scalings=observed.scalings,
        now=observed.now,
    )


def _disabled(observed: Observed) -> Decision:
    message = "scaling is disabled since the replica count of the target is zero"
    before = observed.autoscaler.get("status") or {}
    made = ("ScalingActive", "False", "ScalingDisabled", message)
    conditions = _with(before.get("conditions"), made, observed.now)
    status = {**before, "currentReplicas": 0, "desiredReplicas": 0, "conditions": conditions}
    return Decision(0, 0, "", status)


def _proposals(observed: Observed) -> tuple[list[tuple[int, str]], list[Any], list[str]]:
    proposals: list[tuple[int, str]] = []
    readings: list[Any] = []
    failures: list[str] = []
    for metric in observed.autoscaler["spec"].get("metrics") or ():
        try:
            size, reading, name = _resource(observed, metric)
        except MetricError as error:
            failures.append(str(error))
            continue
        proposals.append((size, name))
        readings.append(reading)
    return proposals, readings, failures


def _resource(observed: Observed, metric: Mapping[str, Any]) -> tuple[int, Any, str]:
    field = {"Resource": "resource", "ContainerResource": "containerResource"}.get(metric["type"])
    if field is None:
        raise MetricError(f'metrics of type "{metric["type"]}" are not available in this cluster')
    source = metric[field]
    resource, container = source["name"], source.get("container")
    found = autoscaler_usage.read(
        source, observed.pods, observed.usage, current=observed.current, now=observed.now
    )
    current: dict[str, Any] = {"averageValue": _written(found.average, resource)}
    name = f"{resource} resource"
    if found.percent is not None:
        current = {"averageUtilization": found.percent, **current}
        name = f"{resource} resource utilization (percentage of request)"
    reading = {"name": resource, **({"container": container} if container else {})}
    return found.size, {"type": metric["type"], field: {**reading, "current": current}}, name


def _written(amount: Decimal, resource: str) -> str:
    if resource == "memory":
        return str(int(amount))
    return f"{math.ceil(amount * 1000)}m"


def _stabilized(observed: Observed, size: int) -> int:
    """Do not shrink below what was recommended within the window, nor grow beyond its least."""
    behavior = observed.autoscaler["spec"].get("behavior") or {}
    down = (behavior.get("scaleDown") or {}).get("stabilizationWindowSeconds")
    up = (behavior.get("scaleUp") or {}).get("stabilizationWindowSeconds")
    down = _DOWN_WINDOW_SECONDS if down is None else int(down)
    highest = max([size, *_recent(observed, down)])
    lowest = min([size, *_recent(observed, int(up or 0))])
    stabilized = observed.current
    return min(max(stabilized, lowest), highest)


def _recent(observed: Observed, seconds: int) -> list[int]:
    since = observed.now - timedelta(seconds=seconds)
    return [each.size for each in observed.history if each.at > since]


def _status(
    observed: Observed,
    sizes: tuple[int, int],
    held: Limited,
    bounds: tuple[int, int],
    *,
    readings: Sequence[Any],
    name: str,
) -> dict[str, Any]:
    size, stabilized = sizes
    limited = held.size
    low, high = bounds
    before = observed.autoscaler.get("status") or {}
    able = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
    if limited != observed.current:
        message = f"the HPA controller was able to update the target scale to {limited}"
        able = ("AbleToScale", "True", "SucceededRescale", message)
    elif stabilized > size:
        message = (
            "recent recommendations were higher than current one, "
            "applying the highest recent recommendation"
        )
        able = ("AbleToScale", "True", "ScaleDownStabilized", message)
    message = f"the HPA was able to successfully calculate a replica count from {name}"
    active = ("ScalingActive", "True", "ValidMetricFound", message)
    limits = ("ScalingLimited", "False", "DesiredWithinRange",
              "the desired count is within the acceptable range")  # fmt: skip
    if held.reason:
        limits = ("ScalingLimited", "True", held.reason, held.message)
    elif stabilized > high:
        limits = ("ScalingLimited", "True", "TooManyReplicas",
                  "the desired replica count is more than the maximum replica count")  # fmt: skip
    elif stabilized < low:
        limits = ("ScalingLimited", "True", "TooFewReplicas",
                  "the desired replica count is less than the minimum replica count")  # fmt: skip
    conditions: Any = before.get("conditions")
    for made in (able, active, limits):
        conditions = _with(conditions, made, observed.now)
    status = {
        **before,
        "observedGeneration": observed.autoscaler["metadata"].get("generation", 1),
        "currentReplicas": observed.current,
        "desiredReplicas": limited,
        "currentMetrics": list(readings),
        "conditions": conditions,
    }
    if limited != observed.current:
        status["lastScaleTime"] = clock.timestamp(observed.now)
    return status


def _with(
    conditions: Sequence[Mapping[str, Any]] | None, made: tuple[str, str, str, str], now: datetime
) -> list[dict[str, Any]]:
    type_, state, reason, message = made
    result = [dict(each) for each in conditions or ()]
    fresh = {
        "type": type_,
        "status": state,
        "lastTransitionTime": clock.timestamp(now),
        "reason": reason,
        "message": message,
    }
    for index, each in enumerate(result):
        if each["type"] == type_:
            if each["status"] == state:
                fresh["lastTransitionTime"] = each.get("lastTransitionTime", "")
            result[index] = fresh
            return result
    return [*result, fresh]
