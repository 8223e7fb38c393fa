from __future__ import annotations

from dataclasses import replace

import pytest

from choreo_local.apiclient.types import BoardReplaced, Row
from tui import sense
from tui.demo import BOARD, COLUMNS, GREETER, WORKER
from tui.state import State, Undo


@pytest.fixture
def state() -> State:
    made = State(instance="default")
    made.board.apply([BoardReplaced(BOARD)])
    return made


def why_not(state: State, action: str, row: Row | None = GREETER, index: int = 0) -> str:
    cell = row.cells[index] if row else None
    return sense.why_not(action, state, row=row, column=COLUMNS[index], cell=cell)


@pytest.mark.parametrize("action", ["promote", "diff", "logs", "why", "details", "open"])
def test_nothing_can_be_done_without_a_row(state: State, action: str) -> None:
    assert why_not(state, action, row=None) == "there is no component here"


@pytest.mark.parametrize("action", ["filter", "help", "down", "quit", "status"])
def test_views_change_without_a_row(state: State, action: str) -> None:
    assert why_not(state, action, row=None) == ""


def test_failing_component_can_still_be_looked_into(state: State) -> None:
    assert [why_not(state, action, WORKER) for action in ("logs", "why", "details")] == [""] * 3


def test_difference_looks_onward_and_else_back(state: State) -> None:
    waiting = GREETER.promotable[0]
    assert sense.difference(state, GREETER, COLUMNS[1]) == waiting
    assert sense.difference(state, GREETER, COLUMNS[2]) == waiting
    assert isinstance(sense.difference(state, GREETER, COLUMNS[0]), str)


def test_undo_needs_what_was_written_to_be_there(state: State) -> None:
    state.undo = Undo("rollback", "greeter", "staging", release="x", written="greeter-7f3a2")
    assert why_not(state, "undo") == ""
    state.undo = replace(state.undo, written="greeter-other")
    assert why_not(state, "undo") == "greeter in staging was changed since"
    state.undo = replace(state.undo, component="gone")
    assert why_not(state, "undo") == "gone in staging was changed since"


def test_platform_elsewhere_is_not_stopped_from_here(state: State) -> None:
    assert why_not(state, "stop") == ""
    state.instance = ""
    assert "stop the platform where it runs" in why_not(state, "stop")
