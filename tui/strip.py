"""The lines below the board: what is under the cursor, and where it answers; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from choreo_local.apiclient.types import Cell, Column, Row
from tui import pages, rows, tables, words
from tui.state import Probe, State
from tui.text import Line, Span, cut_middle, fit_line, line_width, visible


@dataclass(frozen=True, slots=True)
class Pointed:
    """What is under the cursor.

    Attributes:
        probe: how the cell's URL answers, None while it was not asked.
        place: of the row among those shown, from one; and how many there are.
        filter: what was typed after `/`.
        lost: why the platform is not heard, "" while it is.
    """

    row: Row
    column: Column
    cell: Cell | None
    probe: Probe | None = None
    place: tuple[int, int] = (1, 1)
    filter: str = ""
    lost: str = ""


def strip(pointed: Pointed, columns: int, now: datetime) -> Sequence[Line]:
    """Two lines: where it answers; how it is."""
    address = fit_line(_address(pointed, columns), columns)
    return address, fit_line(_condition(pointed, columns, now), columns)


def _address(pointed: Pointed, columns: int) -> Line:
    column, cell = pointed.column, pointed.cell
    spans = [Span(" "), Span(visible(pointed.row.component), "title"), Span(" → ", "muted")]
    spans.append(Span(visible(column.name), "title"))
    if column.is_production:
        spans.append(Span(f" {words.PRODUCTION}", "production"))
    if cell is None or not cell.url:
        return tuple(spans)
    answer = tuple(_answer(pointed.probe))
    gap = "   " if columns >= 100 else " "
    room = columns - line_width((*spans, *answer)) - 2 * len(gap) - 1
    url = cut_middle(visible(cell.url), room)
    return (*spans, Span(gap), Span(url, "accent"), Span(gap), *answer)


def _answer(probe: Probe | None) -> Iterable[Span]:
    if probe is None:
        yield Span("…", "muted")
    elif probe.problem:
        yield Span(f"{words.SYMBOLS['failed']} {words.one_line(probe.problem)}", "failed")
    else:
        style = "ready" if probe.status < 400 else "failed"
        yield Span(f"{probe.status} in {max(probe.milliseconds, 1):.0f} ms", style)


def _condition(pointed: Pointed, columns: int, now: datetime) -> Line:
    place, total = pointed.place
    notes = (
        Span(f" /{visible(pointed.filter)}" if pointed.filter else "", "accent"),
        Span(f" {place}/{total} " if total > 1 else "", "muted"),
    )
    said = (Span(" "), *_said(pointed, now))
    return (*fit_line(said, columns - line_width(notes)), *notes)


def _said(pointed: Pointed, now: datetime) -> Line:
    row, cell = pointed.row, pointed.cell
    if pointed.lost:
        text = f"{words.WARNING} {words.one_line(pointed.lost)}; trying again"
        return (Span(text, "warning"),)
    if cell is not None and cell.state in {"failed", "progressing"}:
        facts = pages.cell_facts(cell, now)
        trouble = rows.trouble_text(cell)
        return (*facts[:1], Span(f" · {trouble}" if trouble else "", cell.state), *facts[1:])
    if row.problem is not None:
        problem = f"{row.problem.reason}: {row.problem.message}".strip(": ")
        return (Span(f"{words.SYMBOLS['failed']} {words.one_line(problem)}", "failed"),)
    spans = list(pages.cell_facts(cell, now))
    waiting = rows.incoming(row, pointed.column.name)
    if waiting is not None:
        text = f" · {words.WAITING} {visible(waiting.release)} waits in {visible(waiting.source)}"
        spans.append(Span(text, "warning"))
    if row.type:
        spans.append(Span(f" · {visible(row.type)}", "muted"))
    if row.auto_deploy:
        spans.append(Span(" · auto-deploys", "muted"))
    return tuple(spans)


def instead_of_rows(state: State, columns: int) -> Sequence[Line]:
    """What stands where rows would be while there are none."""
    if not state.board.is_known:
        if not state.link.lost:
            return tables.note("connecting to the platform …")(columns)
        lost = f"{words.WARNING} {words.one_line(state.link.lost)}"
        return [
            *tables.note(lost, "warning")(columns),
            *tables.note(words.one_line(state.link.remedy), "accent")(columns),
            *tables.note("trying again …")(columns),
        ]
    if state.board.filter is not None:
        wanted = visible(state.board.filter.text)
        return tables.note(f"no component matches /{wanted} · esc shows all of them")(columns)
    where = f"project {state.project}" if state.project else f"namespace {state.namespace}"
    return [
        *tables.note(f"There is no component in {visible(where)} yet.", "")(columns),
        *tables.note("Make one: choreo apply -f FILE; or take the demo: choreo apply --demo")(
            columns
        ),
    ]
