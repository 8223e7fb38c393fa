"""Attempts at containers, also of an earlier life of the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import history, lastwords
from choreo_local.embedded.kubelet.history import History
from choreo_local.embedded.kubelet.logfiles import LogBook
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.records import ContainerRecord
from tests.embedded.kubelet.builders import NOW, container, exited, pod, running


def silent(_record: ContainerRecord) -> str:
    return ""


def test_the_newest_attempt_counts_whoever_knows_it() -> None:
    known: list[ContainerRecord] = []
    attempts = History(lambda: known, silent)
    attempts.add(exited(code=255, attempt=3, lost=True))
    assert attempts.latest()["main"].attempt == 3
    known.append(running(attempt=4))
    assert attempts.latest()["main"].is_running
    previous = attempts.previous("main")
    assert previous is not None
    assert previous.attempt == 3
    assert attempts.previous("other") is None


def test_last_words_of_a_container_become_its_message() -> None:
    asked: list[int] = []

    def last_words(record: ContainerRecord) -> str:
        asked.append(record.attempt)
        return "no DATABASE_URL"

    attempts = History(lambda: [exited(code=1), running(attempt=1)], last_words)
    for _ in range(2):
        previous = attempts.previous("main")
        assert previous is not None
        assert previous.message == "no DATABASE_URL"
    assert asked == [0]


@pytest.mark.parametrize(
    ("policy", "left", "code", "message"),
    [
        ("File", "said", 1, "said"),
        ("File", "", 1, ""),
        ("FallbackToLogsOnError", "said", 1, "said"),
        ("FallbackToLogsOnError", "", 1, "one\nno DATABASE_URL"),
        ("FallbackToLogsOnError", "", 0, ""),
    ],
)
def test_what_a_container_left_to_say(
    tmp_path: Path, policy: str, left: str, code: int, message: str
) -> None:
    places = Places(tmp_path)
    manifest = pod(containers=[container(terminationMessagePolicy=policy)])
    file = places.termination_message("0c4f", "main", 0)
    file.parent.mkdir(parents=True)
    file.write_text(left, encoding="utf-8")
    log = LogBook().create(places.log(manifest, "main", 0))
    log.write("stdout", b"one\nno DATABASE_URL\n")
    log.close()
    assert lastwords.read(places, manifest, exited(code=code)) == message


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
