from __future__ import annotations

from dataclasses import replace

import pytest

from choreo_local.apiclient.types import Problem
from tui import strip, tables
from tui.demo import COLUMNS, GREETER, NOW, WORKER
from tui.filters import parse
from tui.state import Link, Probe, State
from tui.strip import Pointed

PRODUCTION = Pointed(GREETER, COLUMNS[2], GREETER.cells[2], place=(1, 3))


def lines(pointed: Pointed, columns: int = 120) -> list[str]:
    return [tables.plain([spans]) for spans in strip.strip(pointed, columns, NOW)]


def test_strip_shows_the_url_and_how_it_answers() -> None:
    pointed = Pointed(GREETER, COLUMNS[1], GREETER.cells[1], probe=Probe(200, 3.2))
    assert lines(pointed)[0] == (
        " greeter → staging   http://staging-default.openchoreoapis.localhost:19080/greeter"
        "   200 in 3 ms"
    )


def test_narrow_strip_keeps_both_ends_of_the_url() -> None:
    pointed = Pointed(GREETER, COLUMNS[1], GREETER.cells[1], probe=Probe(200, 3.2))
    address = lines(pointed, 80)[0]
    assert address.endswith("/greeter 200 in 3 ms")
    assert "http://staging-default" in address
    assert len(address) <= 80


@pytest.mark.parametrize(
    ("probe", "shown"),
    [
        (None, "…"),
        (Probe(503, 12), "503 in 12 ms"),
        (Probe(200, 0.2), "200 in 1 ms"),
        (Probe(problem="no connection: refused"), "✖ no connection: refused"),
    ],
)
def test_answers_of_urls_are_told(probe: Probe | None, shown: str) -> None:
    pointed = Pointed(GREETER, COLUMNS[1], GREETER.cells[1], probe=probe)
    assert lines(pointed)[0].endswith(shown)


def test_production_is_named_below_too() -> None:
    assert "production ▲ PROD" in lines(PRODUCTION)[0]


def test_strip_tells_what_waits_for_the_environment() -> None:
    assert "▸ greeter-7f3a2 waits in staging" in lines(PRODUCTION)[1]
    assert lines(PRODUCTION)[1].endswith("1/3")


def test_failure_comes_before_all_else() -> None:
    failing = Pointed(WORKER, COLUMNS[0], WORKER.cells[0])
    assert lines(failing)[1].startswith(' ✖ failed · CrashLoopBackOff: exit 1, "no DATABASE_URL"')


def test_component_that_cannot_be_released_says_why() -> None:
    row = replace(WORKER, problem=Problem("WorkloadNotFound", "there is no workload"))
    assert (
        "✖ WorkloadNotFound: there is no workload"
        in lines(Pointed(row, COLUMNS[1], row.cells[1]))[1]
    )


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_strip_fills_no_more_than_the_width(columns: int) -> None:
    pointed = replace(PRODUCTION, probe=Probe(200, 3), filter="greeter")
    assert all(len(text) <= columns for text in lines(pointed, columns))


def instead(state: State) -> str:
    return tables.plain(strip.instead_of_rows(state, 80))


def test_empty_board_says_what_it_waits_for() -> None:
    state = State(project="shop")
    assert "connecting" in instead(state)
    state.link = Link(lost="cannot reach the API", remedy="Start it: choreo up")
    assert "▲ cannot reach the API" in instead(state)
    assert "Start it: choreo up" in instead(state)
    state.board.is_known = True
    assert "no component in project shop yet" in instead(state)
    state.board.filter = parse("nothing")
    assert "no component matches /nothing" in instead(state)
