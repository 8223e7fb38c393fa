"""What a starting instance tells whoever started it, and how that is read."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.allinone import progress
from choreo_local.allinone.progress import Progress
from choreo_local.errors import InvalidError, PreflightError, RefusedError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe; the test closes the writing end."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def told(pipe: tuple[int, int]) -> list[dict[str, Any]]:
    """Everything that comes until the writer closes its end."""
    return list(progress.follow(pipe[0], timeout_seconds=30))


def over(pipe: tuple[int, int], record: Path) -> Progress:
    """A progress that writes into the pipe."""
    return Progress(os.fdopen(pipe[1], "w"), record)


def test_phases_are_told_with_the_times_of_last_time(pipe: tuple[int, int], tmp_path: Path) -> None:
    record = tmp_path / "phases.json"
    record.write_text('{"cluster": 1.5}')
    telling = over(pipe, record)
    with telling.phase("cluster"):
        pass
    with telling.phase("demo"):
        pass
    telling.ready({"urls": {"api": "http://x"}})

    begun, ended, *_, ready = told(pipe)

    assert begun == {"phase": "cluster", "last": 1.5}
    assert ended["phase"] == "cluster"
    assert ended["seconds"] >= 0
    assert ready["ready"] is True
    assert ready["urls"] == {"api": "http://x"}
    assert set(json.loads(record.read_text())) == {"cluster", "demo"}


def test_a_phase_that_fails_is_not_over(pipe: tuple[int, int], tmp_path: Path) -> None:
    telling = over(pipe, tmp_path / "phases.json")
    with pytest.raises(RuntimeError), telling.phase("cluster"):
        raise RuntimeError
    telling.close()
    assert told(pipe) == [{"phase": "cluster", "last": None}]
    assert telling.times == {}


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (
            RefusedError("no", remedy="wait"),
            {"failed": "no", "remedy": "wait", "exitCode": 3, "expected": True},
        ),
        (
            KeyError("x"),
            {"failed": "KeyError('x')", "remedy": "", "exitCode": 1, "expected": False},
        ),
    ],
)
def test_a_failure_is_told_with_its_exit_code(
    pipe: tuple[int, int], tmp_path: Path, error: Exception, event: dict[str, Any]
) -> None:
    over(pipe, tmp_path / "phases.json").failed(error)
    assert told(pipe) == [event]


def test_a_failure_tells_what_was_being_done(pipe: tuple[int, int], tmp_path: Path) -> None:
    error = InvalidError("spec.x is wrong")
    error.add_note("while applying Component y of a bundle")
    over(pipe, tmp_path / "phases.json").failed(error)
    assert told(pipe)[0]["failed"] == "spec.x is wrong, while applying Component y of a bundle"


def test_a_start_goes_on_when_nobody_listens(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    record = tmp_path / "phases.json"
    telling = Progress(os.fdopen(writing, "w"), record)
    os.close(reading)
    with telling.phase("cluster"):
        pass
    telling.ready({})
    assert "cluster" in json.loads(record.read_text())


def test_a_start_without_a_stream_keeps_its_times(tmp_path: Path) -> None:
    telling = Progress(None, tmp_path / "phases.json")
    with telling.phase("cluster"):
        pass
    telling.ready({})
    telling.failed(PreflightError("too late"))
    assert list(progress.last_times(tmp_path / "phases.json")) == ["cluster"]


def test_times_that_cannot_be_written_are_no_reason_to_fail(tmp_path: Path) -> None:
    Progress(None, tmp_path / "gone" / "phases.json").ready({})


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"cluster": "fast"}', '{"cluster": null}', "[" * 100_000, "7"]
)
def test_times_that_cannot_be_read_are_no_times(tmp_path: Path, content: str) -> None:
    record = tmp_path / "phases.json"
    record.write_text(content)
    assert progress.last_times(record) == {}
    assert progress.last_times(tmp_path / "gone") == {}


def test_half_a_line_of_a_killed_process_is_not_read(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b'{"phase": "code"}\n{"phase": "clu')
    os.close(pipe[1])
    assert told(pipe) == [{"phase": "code"}]


def test_a_line_that_comes_in_pieces_is_read_whole(pipe: tuple[int, int]) -> None:
    line = json.dumps({"phase": "ä" * 40_000}).encode() + b"\n"

    def write() -> None:
        for start in range(0, len(line), 7_777):
            os.write(pipe[1], line[start : start + 7_777])
        os.close(pipe[1])

    writing = threading.Thread(target=write)
    writing.start()
    assert told(pipe) == [{"phase": "ä" * 40_000}]
    writing.join()


def test_silence_ends_in_a_timeout(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b'{"phase": "code"}\n')
    following = progress.follow(pipe[0], timeout_seconds=0.05)
    assert next(following) == {"phase": "code"}
    with pytest.raises(TimeoutError):
        next(following)
    os.close(pipe[1])


def test_chatter_does_not_put_the_timeout_off(pipe: tuple[int, int]) -> None:
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.01):
            os.write(pipe[1], b'{"phase": "code"}\n')

    writing = threading.Thread(target=chatter)
    writing.start()
    try:
        with pytest.raises(TimeoutError):
            list(progress.follow(pipe[0], timeout_seconds=0.1))
    finally:
        stop.set()
        writing.join()
        os.close(pipe[1])
