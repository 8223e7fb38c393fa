"""Attempts at containers, also of an earlier life of the node."""

from __future__ import annotations

from pathlib import Path

from choreo_local.embedded.kubelet import history
from choreo_local.embedded.kubelet.history import History
from choreo_local.embedded.kubelet.records import ContainerRecord
from tests.embedded.kubelet.builders import NOW, container, exited, pod, running


def nowhere(_name: str, _attempt: int) -> Path:
    return Path("/nowhere/at/all")


def test_the_newest_attempt_counts_whoever_knows_it() -> None:
    known: list[ContainerRecord] = []
    attempts = History(lambda: known, nowhere)
    attempts.add(exited(code=255, attempt=3, lost=True))
    assert attempts.latest()["main"].attempt == 3
    known.append(running(attempt=4))
    assert attempts.latest()["main"].is_running
    previous = attempts.previous("main")
    assert previous is not None
    assert previous.attempt == 3
    assert attempts.previous("other") is None


def test_last_words_of_a_container_become_its_message(tmp_path: Path) -> None:
    (tmp_path / "main-0").write_text("no DATABASE_URL", encoding="utf-8")
    attempts = History(
        lambda: [exited(code=1)], lambda name, attempt: tmp_path / f"{name}-{attempt}"
    )
    assert attempts.latest()["main"].message == "no DATABASE_URL"


def test_a_start_that_failed_is_an_attempt() -> None:
    found = history.failed_start(container(), attempt=2, message="no such file", now=NOW)
    assert (found.exit_code, found.reason, found.message) == (128, "StartError", "no such file")
    assert found.has_failed


def test_what_ran_when_the_node_ended_is_lost() -> None:
    shown = [
        {
            "name": "main",
            "restartCount": 2,
            "image": "i",
            "imageID": "d",
            "containerID": "test://old",
            "state": {"running": {"startedAt": "2026-03-01T11:00:00Z"}},
        }
    ]
    (found,) = history.lost_attempts(pod(status={"containerStatuses": shown}), NOW)
    assert (found.attempt, found.exit_code, found.reason) == (2, 255, "Unknown")
    assert (found.lost, found.finished_at, found.id) == (True, NOW, "test://old")


def test_what_had_ended_before_keeps_its_exit() -> None:
    terminated = {
        "exitCode": 3,
        "reason": "Error",
        "startedAt": "2026-03-01T11:00:00Z",
        "finishedAt": "2026-03-01T11:00:05Z",
    }
    status = {
        "initContainerStatuses": [{"name": "one", "state": {"terminated": terminated}}],
        "containerStatuses": [
            {
                "name": "main",
                "restartCount": 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": terminated},
            },
            {"name": "never", "state": {"waiting": {"reason": "PodInitializing"}}},
        ],
    }
    found = history.lost_attempts(pod(status=status), NOW)
    assert [(each.name, each.exit_code, each.attempt) for each in found] == [
        ("one", 3, 0),
        ("main", 3, 1),
    ]
    assert found[0].finished_at is not None
    assert found[0].finished_at.isoformat() == "2026-03-01T11:00:05+00:00"
