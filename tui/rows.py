"""Components and environments as lines of the board; pure.

`layout` decides once for a width which environments are shown and how wide; the other functions
draw with it. The board's widget asks only for the lines that are on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from choreo_local.apiclient.types import Cell, Column, Promotable, Row
from tui import words
from tui.text import Line, Span, cut, cut_middle, fit, fit_line, line_width, restyle, visible, width

# Gap at the left edge, and between the name and the first cell.
_EDGE = 1
# A cell without its release: symbol, age, the word `rolling`, gaps; and the same with more air.
_TIGHT, _ROOMY, _WIDEST = 15, 21, 36
RELEASE_LEAST, RELEASE_MOST = 5, 12
_BEHIND_SHORT, _BEHIND_LONG = 4, 10
_WIDE_SCREEN = 100


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand on a line of the board.

    Attributes:
        width: of the whole line.
        name: columns of the component's name.
        first: index of the first environment that is shown.
        count: how many environments are shown.
        cell: columns of a cell, with the gap that follows it.
        release: columns of a release within a cell.
        behind: columns of the note at the end of a line.
    """

    width: int
    name: int
    first: int
    count: int
    cell: int
    release: int
    behind: int

    @property
    def is_roomy(self) -> bool:
        """Is there space for more air between the parts of a cell?"""
        return self.cell >= self.release + _ROOMY

    def left(self, index: int) -> int:
        """The column where the cell of the environment with this index begins."""
        return _EDGE + self.name + 1 + (index - self.first) * self.cell

    def environment_at(self, column: int) -> int | None:
        """The index of the environment shown there, None beside the cells."""
        offset = column - self.left(self.first)
        if self.cell == 0 or not 0 <= offset < self.count * self.cell:
            return None
        return self.first + offset // self.cell


def layout(
    columns: int, *, names: Iterable[Row], environments: int, selected: int, first: int = 0
) -> Layout:
    """The layout for a width; `first` is what was leftmost so far, to move no more than needed."""
    longest, release = 9, RELEASE_LEAST
    for row in names:
        longest = max(longest, width(row.component))
        for cell in row.cells:
            release = max(release, len(cell.short_release))
    release = min(release, RELEASE_MOST)
    is_wide = columns >= _WIDE_SCREEN
    name = min(longest, max(12, columns // 6))
    behind = _BEHIND_LONG if is_wide else _BEHIND_SHORT
    space = max(columns - 2 * _EDGE - name - 1 - behind, 1)
    tight = release + _TIGHT
    count = environments if environments * tight <= space else max(space // tight, 1)
    count = min(count, environments)
    each = min(space // count, _WIDEST) if count else 0
    last_first = max(environments - count, 0)
    first = max(min(first, selected, last_first), selected - count + 1, 0)
    return Layout(columns, name, first, count, each, release, behind)


def heading(columns: Sequence[Column], at: Layout, *, selected: int) -> Line:
    """The line above the rows: names of the environments, production marked."""
    spans = [Span(" " * _EDGE), Span(fit("component", at.name), "muted"), Span(" ")]
    shown = columns[at.first : at.first + at.count]
    for index, column in enumerate(shown, at.first):
        spans += _column_title(column, at.cell, is_selected=index == selected)
    hidden_left, hidden_right = at.first, len(columns) - at.first - at.count
    notes = []
    if hidden_left:
        notes.append(f"‹{hidden_left}")
    if hidden_right > 0:
        notes.append(f"{hidden_right}›")
    return fit_line((*spans, Span(" ".join(notes), "accent")), at.width)


def _column_title(column: Column, columns: int, *, is_selected: bool) -> list[Span]:
    style = "title" if is_selected else "muted"
    name = visible(column.display_name or column.name)
    if not column.is_production:
        return [Span(fit(cut(name, columns - 1), columns), style)]
    space = columns - width(words.PRODUCTION) - 2
    mark = f" {words.PRODUCTION}"
    shown = cut(name, max(space, 0))
    return [Span(shown, style), *fit_line((Span(mark, "production"),), columns - width(shown))]


def lines(row: Row, at: Layout, now: datetime, *, selected: int | None = None) -> list[Line]:
    """The lines of a component: one, and one more for each problem that finds no place in it.

    `selected` is the environment under the cursor, None when the cursor is on another row.
    """
    name_style = "title" if selected is not None else ""
    spans = [
        Span(" " * _EDGE),
        Span(fit(cut_middle(visible(row.component), at.name), at.name), name_style),
    ]
    spans.append(Span(" "))
    waiting = {entry.source for entry in row.promotable}
    extra: list[Line] = []
    index, end = at.first, at.first + at.count
    if row.problem is not None:
        problem = _problem_text(row.problem.reason, row.problem.message)
        problem = f"{words.SYMBOLS['failed']} {problem}"
        extra.append(_extra_line(problem, _EDGE + 2, at.width, "failed"))
    while index < end and index < len(row.cells):
        cell = row.cells[index]
        span_count = _inline_reach(row.cells, index, end, at)
        room = span_count * at.cell
        drawn = _cell(cell, room - 1, at, now, is_waiting=cell.environment in waiting)
        if span_count == 1 and _has_more_to_say(cell):
            extra.append(_trouble(cell, at.left(index), at.width))
        spans += fit_line(drawn, room)
        index += span_count
    spans.append(_behind(row.behind, at))
    drawn = fit_line(spans, at.width)
    if selected is not None and at.count:
        start = at.left(selected)
        drawn = restyle(drawn, start, start + at.cell - 1, "cursor")
    return [drawn, *extra]


def height(row: Row, at: Layout) -> int:
    """How many lines `lines` would draw."""
    count = 1 + (row.problem is not None)
    index, end = at.first, min(at.first + at.count, len(row.cells))
    while index < end:
        reach = _inline_reach(row.cells, index, end, at)
        count += reach == 1 and _has_more_to_say(row.cells[index])
        index += reach
    return count


def _problem_text(reason: str, message: str) -> str:
    reason, message = words.one_line(reason), words.one_line(message)
    if not message or reason in message:
        return message or reason
    return f"{reason}: {message}"


def trouble_text(cell: Cell) -> str:
    """What is wrong in an environment, in one line."""
    return _problem_text(cell.reason, cell.message)


def _has_more_to_say(cell: Cell) -> bool:
    return cell.state == "failed" and bool(cell.reason or cell.message)


def _inline_reach(cells: Sequence[Cell], index: int, end: int, at: Layout) -> int:
    """How many cells the one at `index` covers: a failure speaks over empty ones to its right."""
    cell = cells[index]
    if not _has_more_to_say(cell):
        return 1
    reach = 1
    while index + reach < min(end, len(cells)) and cells[index + reach].state == "empty":
        reach += 1
    needed = _prefix_width(at) + width(trouble_text(cell)) + 1
    return reach if reach > 1 and needed <= reach * at.cell else 1


def _prefix_width(at: Layout) -> int:
    return 2 + at.release + (8 if at.is_roomy else 5)


def _cell(cell: Cell, columns: int, at: Layout, now: datetime, *, is_waiting: bool) -> Line:
    """One cell in at most `columns`, without the gap that follows."""
    symbol = Span(words.SYMBOLS.get(cell.state, "?"), cell.state)
    if cell.state == "empty":
        return (symbol,)
    old = words.age(cell.since, now)
    if cell.state == "undeployed":
        return symbol, Span(" undeployed", cell.state), Span(f" {old}", "muted")
    gap = "  " if at.is_roomy else " "
    release = fit(cut(visible(cell.short_release or "?"), at.release), at.release)
    spans = [
        symbol,
        Span(f" {release}{gap}"),
        Span(fit(old, 4 if at.is_roomy else 3), "muted"),
        Span(gap),
    ]
    left = columns - line_width(tuple(spans))
    said = _said(cell, left)
    spans.append(Span(said, cell.state if cell.state != "ready" else ""))
    if is_waiting and left - width(said) >= 2:
        spans.append(Span(f" {words.WAITING}", "accent"))
    return tuple(spans)


def _said(cell: Cell, columns: int) -> str:
    if cell.state == "ready":
        return f"{cell.ready}/{cell.desired}" if cell.desired else "ready"
    if cell.state == "progressing":
        count = f" {cell.ready}/{cell.desired}" if cell.desired else ""
        return f"rolling{count}" if columns >= len(count) + 9 else "rolling"
    text = trouble_text(cell)
    if width(text) <= columns:
        return text
    reason = words.one_line(cell.reason)
    return reason if reason and width(reason) <= columns else "failed"


def _trouble(cell: Cell, left: int, columns: int) -> Line:
    """A problem on a line of its own: below its cell, or as far left of it as it needs."""
    text = trouble_text(cell)
    start = left + 2
    if start + width(text) < columns:
        return _extra_line(text, start, columns, "failed")
    text = f"{visible(cell.environment)}: {text}"
    start = max(columns - _EDGE - width(text), _EDGE + 2)
    return _extra_line(text, start, columns, "failed")


def _extra_line(text: str, start: int, columns: int, style: str) -> Line:
    shown = cut(text, columns - start - _EDGE)
    return fit_line((Span(" " * start), Span(shown, style)), columns)


def _behind(count: int, at: Layout) -> Span:
    if not count:
        return Span("")
    text = f"{words.BEHIND} {count}" + (" behind" if at.behind >= _BEHIND_LONG else "")
    return Span(cut(text, at.behind), "warning")


def promotion(row: Row, columns: Sequence[Column], environment: str) -> Promotable | str:
    """What promoting from an environment would bring where, or why there is nothing to promote."""
    for entry in row.promotable:
        if entry.source == environment:
            return entry
    cell = next((cell for cell in row.cells if cell.environment == environment), None)
    if cell is None or cell.state in {"empty", "undeployed"}:
        return f"nothing is deployed in {environment}"
    if columns and columns[-1].name == environment:
        return f"{environment} is the last environment"
    return f"nothing waits for promotion from {environment}"


def incoming(row: Row, environment: str) -> Promotable | None:
    """What waits for promotion into an environment."""
    return next((entry for entry in row.promotable if entry.target == environment), None)


def searchable(row: Row) -> str:
    """What a filter of the board looks at."""
    states = {words.STATE_WORDS[cell.state] for cell in row.cells if cell.state != "empty"}
    reasons = {cell.reason for cell in row.cells if cell.state == "failed"}
    if row.problem is not None:
        reasons |= {"failed", row.problem.reason}
    if row.behind:
        states.add("behind")
    return " ".join((row.component, row.project, row.type, *sorted(states), *sorted(reasons)))
