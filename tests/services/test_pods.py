"""What a pod's status tells a person."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.services import pods
from tests.services.objects import crash, pod


def test_a_running_pod_has_no_trouble() -> None:
    assert pods.trouble(pod()) is None
    assert pods.readiness(pod()) == "1/1"


def test_a_crash_says_how_the_container_ended() -> None:
    found = pods.trouble(pod(container=crash(code=3)))
    assert found is not None
    assert found.message == "CrashLoopBackOff: exit 3"
    assert (found.container, found.crashed, found.restarts) == ("main", True, 3)
    assert found.with_last_words("no URL").message == 'CrashLoopBackOff: exit 3, "no URL"'


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (crash(message="one\nlast words"), 'CrashLoopBackOff: exit 1, "last words"'),
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
            "ImagePullBackOff: no such image",
        ),
        (
            {"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            "OOMKilled: exit 137",
        ),
        ({"state": {"terminated": {"exitCode": 0, "signal": 9}}}, None),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, None),
    ],
)
def test_troubles_of_containers_are_told(container: dict[str, Any], message: str | None) -> None:
    found = pods.trouble(pod(container=container))
    assert (found.message if found else None) == message


def test_a_pod_that_fits_nowhere_says_so() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available",
    }
    found = pods.trouble(pod(phase="Pending", conditions=[condition]))
    assert found is not None
    assert found.message == "Unschedulable: 0/1 nodes are available"
    assert pods.is_stuck(found)


def test_the_newest_pod_speaks_first() -> None:
    old = pod("old", created="2026-01-01T09:00:00Z", container=crash(code=1))
    new = pod("new", created="2026-01-01T11:00:00Z", container=crash(code=2))
    found = pods.first_trouble([old, new])
    assert found is not None
    assert found.pod == "new"


def test_pods_that_go_do_not_count() -> None:
    going = pod(container=crash())
    going["metadata"]["deletionTimestamp"] = "2026-01-01T11:00:00Z"
    assert pods.first_trouble([going]) is None
    assert pods.phase(going) == "Terminating"
