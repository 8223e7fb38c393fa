"""Is what a component's RenderedRelease put on the data plane ready? Pure.

The answer is the ReleaseBinding's condition `ResourcesReady`. Which object decides depends on the
workload type: the component type's name before the slash.

Public: `evaluate(workload_type, release_name=…, resources=…, apply_failure=…)` → `Readiness`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .health import Health

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Status, reason and message of the condition `ResourcesReady`."""

    is_ready: bool
    reason: str
    message: str


def evaluate(
    workload_type: str,
    *,
    release_name: str,
    resources: Sequence[Entry],
    apply_failure: str | None = None,
) -> Readiness:
    """Judge `status.resources` of a RenderedRelease.

    Args:
        workload_type: `deployment` of `deployment/service`, from the live Component.
        release_name: the RenderedRelease, for messages.
        resources: its `status.resources`.
        apply_failure: the message of its `ResourcesApplied=False` of the current generation.
    """
    if apply_failure is not None:
        return _waiting("ResourceApplyFailed", apply_failure)
    if not resources:
        return _progressing(f'Release "{release_name}" has no resources yet')
    return _BY_WORKLOAD_TYPE.get(workload_type, _all)(resources)


def _long_running(kind: str) -> Callable[[Sequence[Entry]], Readiness]:
    def check(resources: Sequence[Entry]) -> Readiness:
        found = [r for r in resources if r.get("group") == "apps" and r.get("kind") == kind]
        if not found:
            return _progressing(f"Primary workload {kind} not found in release")
        health, what = _health(found[-1]), f"Primary workload {kind}/{found[-1].get('name', '')}"
        match health:
            case Health.DEGRADED:
                return _waiting("ResourcesDegraded", f"{what} is degraded")
            case Health.PROGRESSING:
                return _progressing(f"{what} is progressing")
            case Health.UNKNOWN:
                return _waiting("ResourcesUnknown", f"{what} has unknown status")
            case Health.SUSPENDED:
                return _ready("ReadyWithSuspendedResources", f"{what} is suspended")
        return _supporting(kind, resources)

    return check


def _supporting(kind: str, resources: Sequence[Entry]) -> Readiness:
    """The primary workload is healthy: may what stands beside it spoil that?"""
    degraded = [r for r in resources if _counts_beside_workload(r) and _health(r) is _DEGRADED]
    for is_supporting, words in ((True, "Supporting"), (False, "Operational")):
        named = [_title(r) for r in degraded if _is_supporting(r) is is_supporting]
        if named:
            message = f"{words} resource {named[0]} is degraded"
            return _waiting("ResourcesDegraded", message)
    message = f"Primary workload {kind} and all supporting resources are ready"
    return _ready("Ready", message)


def _cron_job(resources: Sequence[Entry]) -> Readiness:
    primary = _first_batch(resources, "CronJob")
    if primary is None:
        return _progressing("Primary workload CronJob not found in release")
    what = f"CronJob {primary.get('name', '')}"
    match _health(primary):
        case Health.DEGRADED:
            return _waiting("ResourcesDegraded", f"{what} is degraded")
        case Health.UNKNOWN:
            return _waiting("ResourcesUnknown", f"{what} has unknown status")
        case Health.SUSPENDED:
            return _ready("CronJobSuspended", f"{what} is suspended")
        case Health.PROGRESSING:
            message = f"{what} is scheduled, job execution running"
            return _ready("CronJobScheduled", message)
    return _ready("CronJobScheduled", f"{what} is scheduled")


def _job(resources: Sequence[Entry]) -> Readiness:
    primary = _first_batch(resources, "Job")
    if primary is None:
        return _progressing("Primary workload Job not found in release")
    what = f"Job {primary.get('name', '')}"
    match _health(primary):
        case Health.DEGRADED:
            return _waiting("JobFailed", f"{what} failed")
        case Health.UNKNOWN:
            return _waiting("ResourcesUnknown", f"{what} has unknown status")
        case Health.PROGRESSING | Health.SUSPENDED:
            return _waiting("JobRunning", f"{what} is running")
    return _ready("JobCompleted", f"{what} completed successfully")


def _all(resources: Sequence[Entry]) -> Readiness:
    for health, reason, words in (
        (Health.DEGRADED, "ResourcesDegraded", "degraded"),
        (Health.PROGRESSING, "ResourcesProgressing", "progressing"),
        (Health.UNKNOWN, "ResourcesUnknown", "of unknown status"),
    ):
        named = [_title(resource) for resource in resources if _health(resource) is health]
        if named:
            return _waiting(reason, f"{len(named)} resource(s) {words}: {named[0]}")
    return _ready("Ready", "All resources are ready")


_DEGRADED = Health.DEGRADED
_NO_STATUS_KINDS = frozenset({"ServiceAccount", "ConfigMap", "Secret"})
_BY_WORKLOAD_TYPE: Mapping[str, Callable[[Sequence[Entry]], Readiness]] = {
    "deployment": _long_running("Deployment"),
    "statefulset": _long_running("StatefulSet"),
    "cronjob": _cron_job,
    "job": _job,
}


def _ready(reason: str, message: str) -> Readiness:
    return Readiness(is_ready=True, reason=reason, message=message)


def _waiting(reason: str, message: str) -> Readiness:
    return Readiness(is_ready=False, reason=reason, message=message)


def _progressing(message: str) -> Readiness:
    return _waiting("ResourcesProgressing", message)


def _health(entry: Entry) -> Health:
    text = str(entry.get("healthStatus") or Health.UNKNOWN)
    return Health(text) if text in set(Health) else Health.UNKNOWN


def _title(entry: Entry) -> str:
    return f"{entry.get('kind', '')}/{entry.get('name', '')}"


def _first_batch(resources: Sequence[Entry], kind: str) -> Entry | None:
    wanted = ("batch", kind)
    return next((r for r in resources if (r.get("group"), r.get("kind")) == wanted), None)


def _is_supporting(entry: Entry) -> bool:
    return not entry.get("group") and entry.get("kind") in {"Service", "PersistentVolumeClaim"}


def _counts_beside_workload(entry: Entry) -> bool:
    """Other workloads, and kinds that have no status, never spoil a healthy primary workload."""
    group, kind = entry.get("group") or "", entry.get("kind")
    if group in {"apps", "batch", "rbac.authorization.k8s.io"}:
        return False
    return not (group == "" and kind in _NO_STATUS_KINDS)
