"""The condition ResourcesReady of a ReleaseBinding."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import readiness

APPS = ("apps", "Deployment")
SERVICE = ("", "Service")
CONFIG = ("", "ConfigMap")
ROUTE = ("gateway.networking.k8s.io", "HTTPRoute")
CRON = ("batch", "CronJob")
JOB = ("batch", "Job")


def judged(workload_type: str, *resources: tuple[tuple[str, str], str]) -> tuple[bool, str, str]:
    entries: list[dict[str, Any]] = [
        {"group": group, "kind": kind, "name": "x", "healthStatus": health}
        for (group, kind), health in resources
    ]
    found = readiness.evaluate(workload_type, release_name="web-dev", resources=entries)
    return found.is_ready, found.reason, found.message


def test_nothing_reported_yet_is_progress() -> None:
    message = 'Release "web-dev" has no resources yet'
    assert judged("deployment") == (False, "ResourcesProgressing", message)


def test_failed_apply_comes_first_and_keeps_its_words() -> None:
    found = readiness.evaluate("job", release_name="r", resources=[], apply_failure="no such kind")

    assert (found.is_ready, found.reason, found.message) == (
        False,
        "ResourceApplyFailed",
        "no such kind",
    )


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (
            "Healthy",
            (True, "Ready", "Primary workload Deployment and all supporting resources are ready"),
        ),
        ("Degraded", (False, "ResourcesDegraded", "Primary workload Deployment/x is degraded")),
        (
            "Progressing",
            (False, "ResourcesProgressing", "Primary workload Deployment/x is progressing"),
        ),
        (
            "Suspended",
            (True, "ReadyWithSuspendedResources", "Primary workload Deployment/x is suspended"),
        ),
        (
            "Unknown",
            (False, "ResourcesUnknown", "Primary workload Deployment/x has unknown status"),
        ),
        ("odd", (False, "ResourcesUnknown", "Primary workload Deployment/x has unknown status")),
    ],
)
def test_primary_workload_decides(health: str, expected: tuple[bool, str, str]) -> None:
    assert judged("deployment", (CONFIG, "Degraded"), (APPS, health)) == expected


@pytest.mark.parametrize(
    ("beside", "health", "is_ready"),
    [
        (SERVICE, "Degraded", False),
        (ROUTE, "Degraded", False),
        (SERVICE, "Progressing", True),
        (CONFIG, "Degraded", True),
        (("apps", "DaemonSet"), "Degraded", True),
        (("rbac.authorization.k8s.io", "Role"), "Degraded", True),
    ],
)
def test_what_stands_beside_a_healthy_workload_spoils_it_only_when_degraded(
    beside: tuple[str, str], health: str, is_ready: bool
) -> None:
    assert judged("deployment", (APPS, "Healthy"), (beside, health))[0] is is_ready


def test_missing_primary_workload_is_progress() -> None:
    assert judged("statefulset", (APPS, "Healthy"))[1] == "ResourcesProgressing"
    assert judged("cronjob", (APPS, "Healthy"))[1] == "ResourcesProgressing"
    assert judged("job", (APPS, "Healthy"))[1] == "ResourcesProgressing"


@pytest.mark.parametrize(
    ("workload_type", "kind", "health", "is_ready", "reason"),
    [
        ("cronjob", CRON, "Progressing", True, "CronJobScheduled"),
        ("cronjob", CRON, "Healthy", True, "CronJobScheduled"),
        ("cronjob", CRON, "Suspended", True, "CronJobSuspended"),
        ("cronjob", CRON, "Degraded", False, "ResourcesDegraded"),
        ("cronjob", CRON, "Unknown", False, "ResourcesUnknown"),
        ("job", JOB, "Healthy", True, "JobCompleted"),
        ("job", JOB, "Progressing", False, "JobRunning"),
        ("job", JOB, "Suspended", False, "JobRunning"),
        ("job", JOB, "Degraded", False, "JobFailed"),
        ("job", JOB, "Unknown", False, "ResourcesUnknown"),
        ("proxy", ROUTE, "Healthy", True, "Ready"),
        ("proxy", ROUTE, "Suspended", True, "Ready"),
        ("proxy", ROUTE, "Degraded", False, "ResourcesDegraded"),
        ("proxy", ROUTE, "Progressing", False, "ResourcesProgressing"),
        ("proxy", ROUTE, "Unknown", False, "ResourcesUnknown"),
    ],
)
def test_other_workload_types_have_their_own_rules(
    workload_type: str, kind: tuple[str, str], health: str, is_ready: bool, reason: str
) -> None:
    assert judged(workload_type, (kind, health))[:2] == (is_ready, reason)
