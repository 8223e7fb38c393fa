from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from choreo_local.apiclient.types import PlaneState
from tui import words
from tui.demo import NOW, STATUS
from tui.headline import headline
from tui.state import Link, State
from tui.text import line_width

CLOCK = words.local_time(NOW)


@pytest.fixture
def state() -> State:
    made = State(project="shop", now=lambda: NOW)
    made.link = Link(heard_at=NOW - timedelta(seconds=2))
    made.take_status(STATUS)
    return made


def text(state: State, columns: int = 120) -> str:
    return "".join(span.text for span in headline(state, columns, state.now()))


def test_line_says_where_how_and_how_old(state: State) -> None:
    words_of_line = text(state).split()
    assert " ".join(words_of_line) == (
        f"choreo default ▸ shop embedded · 4 planes ● · 214 MB · 1 % CPU as of 2 s ago {CLOCK}"
    )


@pytest.mark.parametrize("columns", [50, 60, 70, 80, 100, 120, 200])
def test_line_fills_the_width_and_keeps_the_clock(state: State, columns: int) -> None:
    assert line_width(headline(state, columns, NOW)) == columns
    assert text(state, columns).rstrip().endswith(CLOCK)


def test_what_matters_least_goes_first(state: State) -> None:
    assert "4 planes ● · 214 MB" in text(state, 80)
    assert "embedded" not in text(state, 80)


def test_silence_makes_it_stale_and_says_since_when(state: State) -> None:
    heard = NOW - timedelta(seconds=40)
    state.link = Link(heard_at=heard)
    assert f"▲ STALE since {words.local_time(heard)} (40s)" in text(state)


def test_broken_connection_makes_it_stale_at_once(state: State) -> None:
    state.link = Link(heard_at=NOW, lost="refused")
    assert "▲ STALE since" in text(state)


def test_never_connected_says_so(state: State) -> None:
    state.link = Link()
    assert "connecting" in text(state)
    state.link = Link(lost="refused")
    assert "not connected" in text(state)


def test_plane_that_is_gone_is_named_with_the_time(state: State) -> None:
    gone = tuple(
        PlaneState(entry.plane, connected=entry.plane != "data", message="no heartbeat")
        for entry in STATUS.planes
    )
    state.take_status(replace(STATUS, planes=gone))
    state.now = lambda: NOW + timedelta(minutes=5)
    state.take_status(replace(STATUS, planes=gone))
    assert f"✖ data plane gone since {CLOCK}" in text(state)
    assert state.is_stale, "what runs there may have changed"
    state.take_status(STATUS)
    assert not state.unreachable_since
