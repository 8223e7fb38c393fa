"""`status` of a Deployment: counts, availability and progress. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import rollout
from choreo_local.embedded.controllermanager.conditions import (
    condition,
    drop,
    find,
    with_condition,
)
from choreo_local.embedded.controllermanager.plans import Manifest

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"
_NO_DEADLINE = 2**31 - 1


def deadline(deployment: Manifest) -> int | None:
    """`spec.progressDeadlineSeconds`; None when progress is not judged."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds in (None, _NO_DEADLINE) else int(seconds)


def progressing(status: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """A Progressing condition."""
    return condition(PROGRESSING, status, reason, message, now=now, update_time=True)


def counts(deployment: Manifest, sets: Sequence[Manifest], new: Manifest | None) -> dict[str, Any]:
    """The status without conditions; numbers that are zero are left out as on the wire."""
    available = rollout.counted(sets, "availableReplicas")
    status = deployment.get("status") or {}
    numbers = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": rollout.counted(sets, "replicas"),
        "updatedReplicas": rollout.counted([new] if new else [], "replicas"),
        "readyReplicas": rollout.counted(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, rollout.wanted(sets) - available),
    }
    result = {key: value for key, value in numbers.items() if value}
    if all("terminatingReplicas" in (each.get("status") or {}) for each in sets):
        result["terminatingReplicas"] = rollout.counted(sets, "terminatingReplicas")
    if "collisionCount" in status:
        result["collisionCount"] = status["collisionCount"]
    return result


def with_availability(
    deployment: Manifest, sets: Sequence[Manifest], new: Manifest | None, now: datetime
) -> dict[str, Any]:
    """Counts, the conditions so far, and whether enough Pods are available."""
    status = counts(deployment, sets, new)
    before = (deployment.get("status") or {}).get("conditions")
    minimum = rollout.replicas(deployment) - rollout.bounds(deployment).unavailable
    if status.get("availableReplicas", 0) >= minimum:
        made = condition(
            AVAILABLE, "True", "MinimumReplicasAvailable",
            "Deployment has minimum availability.", now=now, update_time=True,
        )  # fmt: skip
    else:
        made = condition(
            AVAILABLE, "False", "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.", now=now, update_time=True,
        )  # fmt: skip
    status["conditions"] = with_condition(before, made)
    return status


def rollout_status(
    deployment: Manifest, sets: Sequence[Manifest], new: Manifest | None, now: datetime
) -> dict[str, Any]:
    """The whole status, with how the rollout fares."""
    status = with_availability(deployment, sets, new, now)
    conditions = status["conditions"]
    old = find(conditions, PROGRESSING)
    if deadline(deployment) is None:
        conditions = drop(conditions, PROGRESSING)
    elif not _was_complete(status, old):
        conditions = _judged(deployment, status, new, now)
    failure = _failure(sets, new)
    conditions = (
        drop(conditions, REPLICA_FAILURE)
        if failure is None
        else with_condition(conditions, failure)
    )
    status["conditions"] = conditions
    return status


def is_complete(deployment: Manifest, status: Manifest) -> bool:
    """Whether all Pods are new and available, and the newest spec was seen."""
    total = rollout.replicas(deployment)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return bool(seen) and all(status.get(field, 0) == total for field in fields)


def _was_complete(status: Manifest, old: Manifest | None) -> bool:
    return (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and old is not None
        and old.get("reason") == "NewReplicaSetAvailable"
    )


def _judged(
    deployment: Manifest, status: Manifest, new: Manifest | None, now: datetime
) -> list[Any]:
    conditions = status["conditions"]
    kind, name = ("ReplicaSet", new) if new else ("Deployment", deployment)
    subject = f'{kind} "{name["metadata"]["name"]}"'
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return with_condition(
            conditions, progressing("True", "NewReplicaSetAvailable", message, now)
        )
    if _moved(deployment.get("status") or {}, status):
        message = f"{subject} is progressing."
        return with_condition(
            conditions, progressing("True", "ReplicaSetUpdated", message, now), refresh=True
        )
    if _timed_out(deployment, conditions, now):
        message = f"{subject} has timed out progressing."
        return with_condition(
            conditions, progressing("False", "ProgressDeadlineExceeded", message, now)
        )
    return list(conditions)


def _moved(before: Manifest, after: Manifest) -> bool:
    def number(status: Manifest, field: str) -> int:
        return int(status.get(field, 0))

    def outdated(status: Manifest) -> int:
        return number(status, "replicas") - number(status, "updatedReplicas")

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return outdated(after) < outdated(before) or any(
        number(after, field) > number(before, field) for field in grown
    )


def _timed_out(deployment: Manifest, conditions: Sequence[Manifest], now: datetime) -> bool:
    left = time_left(deployment, conditions, now)
    if left is None:
        current = find(conditions, PROGRESSING)
        return current is not None and current.get("reason") == "ProgressDeadlineExceeded"
    return left < timedelta()


def time_left(
    deployment: Manifest, conditions: Sequence[Manifest], now: datetime
) -> timedelta | None:
    """How long the rollout may still go without progress; None when nothing is awaited."""
    seconds = deadline(deployment)
    current = find(conditions, PROGRESSING)
    if seconds is None or current is None or not current.get("lastUpdateTime"):
        return None
    if current.get("reason") in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    since = clock.parse_timestamp(current["lastUpdateTime"])
    return since + timedelta(seconds=seconds) - now


def _failure(sets: Sequence[Manifest], new: Manifest | None) -> dict[str, Any] | None:
    """Why Pods cannot be made, as the newest ReplicaSet says, or else any."""
    for each in [*([new] if new else []), *sets]:
        found = find((each.get("status") or {}).get("conditions"), REPLICA_FAILURE)
        if found is not None:
            made = {**found, "lastUpdateTime": found.get("lastTransitionTime")}
            return {key: value for key, value in made.items() if value}
    return None
