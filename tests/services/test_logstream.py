"""Lines of several containers, and which containers have any."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apiclient.types import LogLine
from choreo_local.errors import BadRequestError
from choreo_local.services import logstream, podlogs
from tests.services.objects import crash, pod


def _line(time: int, text: str = "") -> LogLine:
    return LogLine(f"2026-01-01T10:00:0{time}Z", "p", "c", text or str(time))


def test_lines_are_merged_by_time_and_cut_at_the_end() -> None:
    parts = [[_line(1), _line(4)], [_line(2), _line(3)]]
    assert [line.line for line in logstream.merged(parts)] == ["1", "2", "3", "4"]
    assert [line.line for line in logstream.merged(parts, tail=2)] == ["3", "4"]
    assert logstream.merged(parts, tail=0) == []
    assert len(logstream.merged(parts, tail=99)) == 4


def test_lines_of_one_moment_keep_their_order() -> None:
    parts = [[_line(1, "first"), _line(1, "second")]]
    assert [line.line for line in logstream.merged(parts)] == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2h", 7200)]
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert logstream.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "-5m", "5 m", "1d", "9" * 30])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        logstream.seconds(text)
    assert "1h30m" in caught.value.remedy


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({"state": {"running": {}}}, [("main", 0)]),
        ({"state": {"terminated": {"exitCode": 0}}}, [("main", 0)]),
        (crash(restarts=2), [("main", 2)]),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, []),
    ],
)
def test_only_containers_that_started_have_a_log(
    container: dict[str, Any], found: list[tuple[str, int]]
) -> None:
    assert list(logstream.started(pod(container=container))) == found


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"2026-01-01T10:00:00.123456789Z hello world", "hello world"),
        (b"2026-01-01T10:00:00Z ", ""),
        (b"2026-01-01T10:00:00Z tail\r", "tail"),
        (b"2026-01-01T10:00:00Z \xff", "\ufffd"),
    ],
)
def test_a_line_is_split_from_its_time(line: bytes, text: str) -> None:
    found = podlogs.parse(line, pod="p", container="c")
    assert found is not None
    assert (found.pod, found.container, found.line) == ("p", "c", text)


@pytest.mark.parametrize("line", [b"", b"no time here", b"failed to open the log file"])
def test_a_line_without_a_time_is_none(line: bytes) -> None:
    assert podlogs.parse(line, pod="p", container="c") is None
