"""Health of a live object, judged by group and kind; pure.

Used by the RenderedRelease controller for `status.resources[].healthStatus` and by readiness.

Public: `of(obj)` → `Health`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

Manifest = Mapping[str, Any]

_FAILING_WAITS = frozenset({"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull"})


class Health(StrEnum):
    """What a RenderedRelease says of each of its objects."""

    UNKNOWN = "Unknown"
    PROGRESSING = "Progressing"
    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"


def of(obj: Manifest | None) -> Health:
    """The health of a live object; an object that is not there is Unknown."""
    if obj is None:
        return Health.UNKNOWN
    group, slash, _version = str(obj.get("apiVersion", "")).partition("/")
    check = _CHECKS.get((group if slash else "", str(obj.get("kind", ""))))
    if check is None:
        return Health.HEALTHY
    try:
        return check(obj)
    except (AttributeError, KeyError, TypeError, ValueError):
        # The object does not have the shape of its kind, e.g. text where a number belongs.
        return Health.UNKNOWN


def _deployment(obj: Manifest) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if spec.get("paused") or spec.get("replicas") == 0:
        return Health.SUSPENDED
    if _is_stale(obj, status):
        return Health.PROGRESSING
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Health.DEGRADED
    if conditions.get("ReplicaFailure", {}).get("status") == "True":
        return Health.DEGRADED
    desired = _desired(spec)
    updated, ready, available, unavailable = (
        int(status.get(f"{word}Replicas") or 0)
        for word in ("updated", "ready", "available", "unavailable")
    )
    if desired == updated and available == 0:
        rolled_out = progressing.get("reason") == "NewReplicaSetAvailable"
        is_moving = progressing.get("status") == "True" and not rolled_out
        return Health.PROGRESSING if is_moving else Health.DEGRADED
    available_condition = conditions.get("Available")
    if (
        available_condition is not None
        and available_condition.get("status") != "True"
        and unavailable > 0
        and (ready > 0 or available > 0)
    ):
        return Health.DEGRADED
    is_complete = updated == ready == available == desired and unavailable == 0
    return Health.HEALTHY if is_complete else Health.PROGRESSING


def _stateful_set(obj: Manifest) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if _is_stale(obj, status):
        return Health.PROGRESSING
    if status.get("currentRevision", "") != status.get("updateRevision", ""):
        return Health.PROGRESSING
    counts = {int(status.get(f"{word}Replicas") or 0) for word in ("ready", "available", "updated")}
    return Health.HEALTHY if counts == {_desired(spec)} else Health.PROGRESSING


def _pod(obj: Manifest) -> Health:
    status = obj.get("status") or {}
    phase = status.get("phase")
    if phase == "Running":
        return _running_pod(status)
    return _POD_PHASES.get(str(phase), Health.UNKNOWN)


def _running_pod(status: Manifest) -> Health:
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _FAILING_WAITS:
            return Health.DEGRADED
        if not container.get("ready"):
            return Health.PROGRESSING
    return Health.HEALTHY


def _cron_job(obj: Manifest) -> Health:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if spec.get("suspend"):
        return Health.SUSPENDED
    if status.get("active"):
        return Health.PROGRESSING
    return Health.HEALTHY if status.get("lastScheduleTime") else Health.PROGRESSING


def _is_stale(obj: Manifest, status: Manifest) -> bool:
    observed = int(status.get("observedGeneration") or 0)
    return observed == 0 or observed < int(obj.get("metadata", {}).get("generation") or 0)


def _desired(spec: Manifest) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


_POD_PHASES = {
    "Pending": Health.PROGRESSING,
    "Succeeded": Health.HEALTHY,
    "Failed": Health.DEGRADED,
}
_CHECKS: Mapping[tuple[str, str], Callable[[Manifest], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("", "Pod"): _pod,
    ("batch", "CronJob"): _cron_job,
}
