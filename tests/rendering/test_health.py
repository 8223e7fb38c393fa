"""Health of live objects."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import health
from choreo_local.rendering.health import Health

READY = {
    "observedGeneration": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
    "conditions": [{"type": "Available", "status": "True"}],
}


def condition(kind: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason}


def deployment(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": 2},
        "spec": {"replicas": 2, **(spec or {})},
        "status": {**READY, **status},
    }


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(), Health.HEALTHY),
        (deployment({"paused": True}), Health.SUSPENDED),
        (deployment({"replicas": 0}), Health.SUSPENDED),
        (deployment(observedGeneration=1), Health.PROGRESSING),
        (deployment(observedGeneration=0), Health.PROGRESSING),
        (
            deployment(conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded")]),
            Health.DEGRADED,
        ),
        (deployment(conditions=[condition("ReplicaFailure", "True")]), Health.DEGRADED),
        (
            deployment(availableReplicas=0, conditions=[condition("Progressing", "True", "New")]),
            Health.PROGRESSING,
        ),
        (
            deployment(
                availableReplicas=0,
                conditions=[condition("Progressing", "True", "NewReplicaSetAvailable")],
            ),
            Health.DEGRADED,
        ),
        (deployment(availableReplicas=0, conditions=[]), Health.DEGRADED),
        (
            deployment(
                availableReplicas=1,
                unavailableReplicas=1,
                conditions=[condition("Available", "False")],
            ),
            Health.DEGRADED,
        ),
        (deployment(updatedReplicas=1), Health.PROGRESSING),
        (deployment(updatedReplicas="many"), Health.UNKNOWN),
    ],
)
def test_deployment_is_judged_by_its_rollout(obj: dict[str, Any], expected: Health) -> None:
    assert health.of(obj) is expected


def stateful_set(**status: Any) -> dict[str, Any]:
    counts = {f"{word}Replicas": 1 for word in ("ready", "available", "updated")}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"generation": 1},
        "spec": {},
        "status": {"observedGeneration": 1, **counts, **status},
    }


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (stateful_set(), Health.HEALTHY),
        (stateful_set(readyReplicas=0), Health.PROGRESSING),
        (stateful_set(currentRevision="a", updateRevision="b"), Health.PROGRESSING),
        (stateful_set(observedGeneration=0), Health.PROGRESSING),
    ],
)
def test_stateful_set_is_judged_by_counts_and_revision(obj: Any, expected: Health) -> None:
    assert health.of(obj) is expected


def pod(phase: str, *containers: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "status": {"phase": phase, "containerStatuses": list(containers)},
    }


WAITING = {"ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod("Pending"), Health.PROGRESSING),
        (pod("Running", {"ready": True}), Health.HEALTHY),
        (pod("Running", {"ready": False}), Health.PROGRESSING),
        (pod("Running", {"ready": True}, WAITING), Health.DEGRADED),
        (pod("Succeeded"), Health.HEALTHY),
        (pod("Failed"), Health.DEGRADED),
        (pod("Odd"), Health.UNKNOWN),
    ],
)
def test_pod_is_judged_by_phase_and_containers(obj: Any, expected: Health) -> None:
    assert health.of(obj) is expected


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"suspend": True}, {}, Health.SUSPENDED),
        ({}, {"active": [{}]}, Health.PROGRESSING),
        ({}, {"lastScheduleTime": "2026-01-01T00:00:00Z"}, Health.HEALTHY),
        ({}, {}, Health.PROGRESSING),
    ],
)
def test_cron_job_is_judged_by_its_schedule(spec: Any, status: Any, expected: Health) -> None:
    obj = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": spec, "status": status}

    assert health.of(obj) is expected


def test_everything_else_is_healthy_once_it_is_there() -> None:
    assert health.of({"apiVersion": "v1", "kind": "Service"}) is Health.HEALTHY
    assert health.of({"apiVersion": "example.org/v1", "kind": "Deployment"}) is Health.HEALTHY
    assert health.of(None) is Health.UNKNOWN
