"""Does an action make sense on what is under the cursor, and if not, why; pure."""

from __future__ import annotations

from choreo_local.apiclient.types import Cell, Column, Promotable, Row
from tui import rows
from tui.state import State

_ON_A_ROW = frozenset({"promote", "diff", "logs", "why", "rollback", "details", "open", "copy"})


def why_not(
    action: str, state: State, *, row: Row | None, column: Column | None, cell: Cell | None
) -> str:
    """Why an action of the board makes no sense now, "" when it does."""
    if action == "stop":
        elsewhere = "the dashboard was opened with an address: stop the platform where it runs"
        return "" if state.instance else elsewhere
    if action == "undo":
        return why_no_undo(state)
    if action not in _ON_A_ROW:
        return ""
    if row is None or column is None:
        return "there is no component here"
    if action == "promote":
        return _reason(onward(state, row, column))
    if action == "diff":
        return _reason(difference(state, row, column))
    if action in {"logs", "rollback"} and (cell is None or cell.state == "empty"):
        return f"nothing is deployed in {column.name}"
    if action in {"open", "copy"} and not (cell and cell.url):
        return "it answers at no URL here"
    return ""


def _reason(found: Promotable | str) -> str:
    return found if isinstance(found, str) else ""


def onward(state: State, row: Row, column: Column) -> Promotable | str:
    """What promoting from here would bring where, or why there is nothing to promote."""
    return rows.promotion(row, state.board.environments, column.name)


def difference(state: State, row: Row, column: Column) -> Promotable | str:
    """What `diff` shows: the way onward, else the way into this environment."""
    found = onward(state, row, column)
    if isinstance(found, str):
        return rows.incoming(row, column.name) or found
    return found


def why_no_undo(state: State) -> str:
    """Why the last write cannot be taken back, "" when it can."""
    undo = state.undo
    if undo is None:
        return "nothing was written from here yet"
    cell = state.board.cell(undo.component, undo.environment)
    if cell is None or cell.release != undo.written:
        return f"{undo.component} in {undo.environment} was changed since"
    return ""
