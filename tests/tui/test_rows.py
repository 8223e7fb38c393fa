from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apiclient.types import Cell, Column, Problem, Promotable, Row
from tui import rows
from tui.demo import BOARD, COLUMNS, GREETER, NOW, WEB, WORKER, ago, cell
from tui.rows import Layout
from tui.text import Line, line_width

SIZES = (40, 60, 80, 100, 120, 200)


def joined(spans: Line) -> str:
    return "".join(span.text for span in spans).rstrip()


def layout(columns: int, *given: Row, selected: int = 0, first: int = 0) -> Layout:
    return rows.layout(
        columns,
        names=given or BOARD.rows,
        environments=len((given or BOARD.rows)[0].cells),
        selected=selected,
        first=first,
    )


def drawn(row: Row, columns: int = 120, selected: int | None = None) -> list[str]:
    at = layout(columns, row)
    return [joined(spans) for spans in rows.lines(row, at, NOW, selected=selected)]


def test_ready_cell_shows_release_age_and_pods() -> None:
    (line,) = drawn(GREETER)
    assert line.split() == [
        *("greeter", "●", "7f3a2", "2m", "2/2"),
        *("●", "7f3a2", "1m", "1/1", "▸"),
        *("●", "51bc0", "3d", "1/1", "▲", "2", "behind"),
    ]


def test_rolling_cell_says_so() -> None:
    assert "◐ 9c1d0  5s    rolling 0/1" in drawn(WEB)[0]
    assert "◐ 9c1d0 5s  rolling " in drawn(WEB, 80)[0]


def test_failure_speaks_over_the_empty_cells_to_its_right() -> None:
    (line,) = drawn(WORKER, 80)
    assert '✖ 02af1 8s  CrashLoopBackOff: exit 1, "no DATABASE_URL"' in line


def test_failure_without_room_gets_a_line_of_its_own() -> None:
    crash = replace(WORKER.cells[0], environment="development")
    row = replace(WORKER, cells=(crash, *GREETER.cells[1:]))
    first, second = drawn(row, 80)
    assert "✖ 02af1 8s  failed" in first
    assert second.strip() == 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'


def test_failure_at_the_right_edge_names_its_environment() -> None:
    crash = replace(WORKER.cells[0], environment="production")
    _, second = drawn(replace(WORKER, cells=(*GREETER.cells[:2], crash)), 80)
    assert second.strip() == 'production: CrashLoopBackOff: exit 1, "no DATABASE_URL"'


def test_component_without_a_release_says_why() -> None:
    row = Row(
        "api",
        "shop",
        problem=Problem("WorkloadNotFound", "there is no workload"),
        cells=(Cell("development"), Cell("staging"), Cell("production")),
    )
    first, second = drawn(row)
    assert first.split() == ["api", "·", "·", "·"]
    assert second.strip() == "✖ WorkloadNotFound: there is no workload"


def test_undeployed_cell_is_told_apart_by_word() -> None:
    row = replace(
        GREETER,
        cells=(cell("greeter", "development", "7f3a2", ago(days=2), state="undeployed"),),
    )
    assert "○ undeployed 2d" in drawn(row)[0]


@pytest.mark.parametrize("columns", SIZES)
@pytest.mark.parametrize("row", BOARD.rows, ids=lambda row: row.component)
def test_lines_fill_exactly_the_width_and_the_height(row: Row, columns: int) -> None:
    at = layout(columns)
    lines = rows.lines(row, at, NOW, selected=at.first)
    assert len(lines) == rows.height(row, at)
    assert {line_width(spans) for spans in lines} == {columns}


@pytest.mark.parametrize("columns", SIZES)
def test_heading_stands_above_its_cells(columns: int) -> None:
    at = layout(columns)
    heading = joined(rows.heading(COLUMNS, at, selected=0))
    for index in range(at.first, at.first + at.count):
        assert heading[at.left(index) :].startswith(COLUMNS[index].display_name)


def test_production_is_marked_by_text_and_symbol() -> None:
    assert "Production ▲ PROD" in joined(rows.heading(COLUMNS, layout(80), selected=0))


def test_hidden_environments_are_counted_and_follow_the_cursor() -> None:
    columns = tuple(Column(f"stage-{number}") for number in range(9))
    row = replace(
        GREETER,
        cells=tuple(cell("greeter", column.name, "7f3a2", ago(days=1)) for column in columns),
    )
    start = layout(80, row)
    assert (start.first, start.count) == (0, 3)
    assert joined(rows.heading(columns, start, selected=0)).endswith("6›")
    moved = layout(80, row, selected=5, first=start.first)
    assert moved.first == 3
    assert joined(rows.heading(columns, moved, selected=5)).endswith("‹3 3›")
    back = layout(80, row, selected=4, first=moved.first)
    assert back.first == 3, "the view moves no more than it must"


def test_cursor_marks_its_cell_and_no_other() -> None:
    at = layout(120)
    (spans,) = rows.lines(GREETER, at, NOW, selected=1)
    before, marked = "", ""
    for span in spans:
        if span.style == "cursor":
            marked = span.text
            break
        before += span.text
    assert len(before) == at.left(1)
    assert marked.split() == ["●", "7f3a2", "1m", "1/1", "▸"]


texts = st.text(max_size=30)
some_cells = st.builds(
    Cell,
    st.just("production"),
    state=st.sampled_from(["ready", "progressing", "failed", "undeployed", "empty"]),
    short_release=texts,
    since=st.just("") | st.just(ago(days=3)),
    ready=st.integers(0, 10_000),
    desired=st.integers(0, 10_000),
    reason=texts,
    message=texts,
)
some_rows = st.builds(
    Row,
    texts,
    st.just("shop"),
    behind=st.integers(0, 10**9),
    problem=st.none() | st.builds(Problem, texts, texts),
    cells=st.lists(some_cells, max_size=9).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(some_rows, min_size=1, max_size=4), st.integers(1, 200), st.integers(0, 8))
def test_whatever_the_api_says_lines_keep_their_width(
    given_rows: list[Row], columns: int, selected: int
) -> None:
    environments = max(len(row.cells) for row in given_rows)
    selected = min(selected, max(environments - 1, 0))
    at = rows.layout(columns, names=given_rows, environments=environments, selected=selected)
    for row in given_rows:
        lines = rows.lines(row, at, NOW, selected=selected)
        assert len(lines) == rows.height(row, at)
        assert {line_width(spans) for spans in lines} == {columns}
        assert all(span.text.isprintable() for spans in lines for span in spans)


def test_clicks_find_their_environment() -> None:
    at = layout(120)
    assert at.environment_at(at.left(2) + 3) == 2
    assert at.environment_at(0) is None
    assert at.environment_at(119) is None


def test_names_from_outside_are_harmless() -> None:
    row = replace(GREETER, component="gre\x1b[2Jeter")
    assert "gre␛[2Jeter" in drawn(row)[0]


def test_release_onward_is_what_promotes() -> None:
    assert rows.promotion(GREETER, COLUMNS, "staging") == GREETER.promotable[0]


@pytest.mark.parametrize(
    ("row", "environment", "reason"),
    [
        (WORKER, "staging", "nothing is deployed in staging"),
        (GREETER, "production", "production is the last environment"),
        (GREETER, "development", "nothing waits for promotion from development"),
    ],
)
def test_what_cannot_be_promoted_has_a_reason(row: Row, environment: str, reason: str) -> None:
    assert rows.promotion(row, COLUMNS, environment) == reason


def test_what_waits_for_an_environment_is_found_from_there() -> None:
    assert rows.incoming(GREETER, "production") == GREETER.promotable[0]
    assert rows.incoming(GREETER, "staging") is None


def test_filters_see_names_states_and_reasons() -> None:
    assert rows.searchable(WORKER) == "worker shop deployment/worker failed CrashLoopBackOff"
    assert "behind" in rows.searchable(GREETER)


def test_promotable_is_marked_at_its_source() -> None:
    row = replace(GREETER, promotable=(Promotable("development", "staging", "greeter-7f3a2"),))
    assert drawn(row)[0].index("▸") < drawn(row)[0].index("1m")
