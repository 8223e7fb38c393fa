from __future__ import annotations

from collections.abc import Iterable

from choreo_local.apiclient.types import LogLine
from tests.tui.fake import log_line
from tui import filters
from tui.logbuffer import LogBuffer


def texts(buffer: LogBuffer) -> list[str]:
    return [entry.text for entry in buffer.shown]


def filled(count: int, capacity: int = 10) -> LogBuffer:
    buffer = LogBuffer(capacity=capacity)
    buffer.add(numbered(range(count)))
    return buffer


def numbered(numbers: Iterable[int]) -> list[LogLine]:
    return [log_line(f"line {number}") for number in numbers]


def test_ring_keeps_the_newest_and_counts_what_it_drops() -> None:
    buffer = filled(25)
    assert texts(buffer) == [f"line {number}" for number in range(15, 25)]
    assert (len(buffer), buffer.dropped) == (10, 15)


def test_control_characters_of_a_container_are_written_out() -> None:
    buffer = LogBuffer()
    buffer.add([log_line("\x1b[31mred\x1b[0m")])
    assert texts(buffer) == ["␛[31mred␛[0m"]


def test_huge_line_is_shortened_and_says_so() -> None:
    buffer = LogBuffer()
    buffer.add([log_line("x" * 1_000_000)])
    (text,) = texts(buffer)
    assert len(text) < 5_000
    assert text.endswith("… (996000 characters more)")


def test_filter_applies_to_old_and_new_lines() -> None:
    buffer = filled(5)
    buffer.show_only(filters.parse("[13]"))
    assert texts(buffer) == ["line 1", "line 3"]
    buffer.add(numbered([6, 31]))
    assert texts(buffer) == ["line 1", "line 3", "line 31"]
    buffer.show_only(None)
    assert len(texts(buffer)) == 7


def test_filtered_lines_leave_with_the_ring() -> None:
    buffer = filled(10)
    buffer.show_only(filters.parse("line 0"))
    buffer.add(numbered([10]))
    assert texts(buffer) == []


def test_paused_view_stands_still_and_nothing_is_lost() -> None:
    buffer = filled(3)
    buffer.pause(is_paused=True)
    buffer.add(numbered([3, 4]))
    assert texts(buffer) == ["line 0", "line 1", "line 2"]
    assert buffer.missed == 2
    buffer.pause(is_paused=False)
    assert texts(buffer)[-1] == "line 4"
    assert buffer.missed == 0


def test_paused_view_outlives_the_ring() -> None:
    buffer = filled(3)
    buffer.pause(is_paused=True)
    buffer.add(numbered(range(100)))
    assert texts(buffer) == ["line 0", "line 1", "line 2"]
    assert buffer.dropped == 93


def test_notices_pass_every_filter() -> None:
    buffer = filled(2)
    buffer.show_only(filters.parse("nothing like it"))
    buffer.note("connection lost")
    assert texts(buffer) == ["connection lost"]
    assert buffer.shown[0].is_notice


def test_cleared_buffer_starts_over() -> None:
    buffer = filled(25)
    buffer.clear()
    assert (len(buffer), buffer.dropped, texts(buffer)) == (0, 0, [])
