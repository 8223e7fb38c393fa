"""The table of the board: draws only what is on the screen, repaints only what changed.

Textual's DataTable measures and styles every cell of a thousand rows; here a key costs two lines,
however many components there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import rows, theme
from tui.board import Difference
from tui.rows import Layout
from tui.state import State
from tui.text import Line
from tui.widgets.drawn import strip_of

_UNKNOWN = Layout(width=0, name=9, first=0, count=0, cell=0, release=5, behind=0)


class BoardTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of components, columns of environments, a cursor on one cell.

    Args:
        state: whose board is shown.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    BoardTable { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    @dataclass(eq=False)
    class Moved(Message):
        """The cursor is on another cell, or what stands there changed."""

    @dataclass(eq=False)
    class Chosen(Message):
        """The cell under the cursor was clicked."""

    @dataclass(eq=False)
    class Reshaped(Message):
        """Columns stand elsewhere; the heading must be drawn again."""

    def __init__(self, state: State, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._state = state
        self.at = _UNKNOWN
        self.component = ""
        self.environment = 0
        self._tops: list[int] = [0]
        self._drawn: dict[str, list[Line]] = {}

    # What the screen tells.

    def refresh_board(self, difference: Difference) -> None:
        """Take over what changed in the board."""
        if difference.is_reshaped or not self._keeps_shape(difference.components):
            self.relayout()
            return
        for component in difference.components:
            self._redraw(component)
        if self.component in difference.components:
            self.post_message(self.Moved())

    def relayout(self) -> None:
        """Lay everything out anew."""
        self._keep_cursor()
        board = self._state.board
        columns = self.scrollable_content_region.width or self.size.width
        if not columns:
            return
        self.at = rows.layout(
            columns,
            names=board.rows(),
            environments=len(board.environments),
            selected=self.environment,
            first=self.at.first,
        )
        shown = (board.row(component) for component in board.shown)
        heights = (rows.height(row, self.at) for row in shown if row is not None)
        self._tops = [0, *accumulate(heights)]
        self._drawn.clear()
        self.virtual_size = Size(columns, self._tops[-1])
        self._bring_into_view()
        self.refresh()
        self.post_message(self.Reshaped())
        self.post_message(self.Moved())

    def tick(self) -> None:
        """Time passed: repaint the lines whose ages read differently now."""
        visible = self._visible()
        for component in self._drawn.keys() - set(visible):
            del self._drawn[component]
        for component in visible:
            self._redraw(component)

    # Where the cursor is and goes.

    @property
    def index(self) -> int:
        """The place of the cursor's row among those shown."""
        shown = self._state.board.shown
        return shown.index(self.component) if self.component in shown else 0

    def move(self, *, down: int = 0, right: int = 0) -> None:
        """Move the cursor."""
        board = self._state.board
        if not board.shown:
            return
        target = min(max(self.index + down, 0), len(board.shown) - 1)
        self.select(board.shown[target], self.environment + right)

    def select(self, component: str, environment: int) -> None:
        """Put the cursor on a cell."""
        last = max(len(self._state.board.environments) - 1, 0)
        environment = min(max(environment, 0), last)
        if (component, environment) == (self.component, self.environment):
            return
        before, self.component = self.component, component
        is_elsewhere, self.environment = environment != self.environment, environment
        shown = range(self.at.first, self.at.first + self.at.count)
        if is_elsewhere and environment not in shown:
            self.relayout()
            return
        for changed in {before, component}:
            self._redraw(changed)
        self._bring_into_view()
        if is_elsewhere:
            self.post_message(self.Reshaped())
        self.post_message(self.Moved())

    @property
    def page_height(self) -> int:
        """Lines on the screen."""
        return max(self.size.height, 1)

    @property
    def position(self) -> tuple[int, int]:
        """The cursor's row, counted from one, and how many rows there are."""
        shown = self._state.board.shown
        return (self.index + 1 if shown else 0), len(shown)

    def _keep_cursor(self) -> None:
        """The cursor stays on its component; when that is gone, on the one that took its place."""
        shown = self._state.board.shown
        last = max(len(self._state.board.environments) - 1, 0)
        self.environment = min(self.environment, last)
        if self.component in shown or not shown:
            return
        after = next((name for name in shown if name > self.component), shown[-1])
        self.component = after

    def _bring_into_view(self) -> None:
        if len(self._tops) <= self.index + 1:
            # Nothing is laid out while the table has no size; `on_resize` comes back here.
            return
        index = self.index
        top, bottom = self._tops[index], self._tops[index + 1]
        start, height = self.scroll_offset.y, self.page_height
        if top < start:
            self.scroll_to(y=top, animate=False, force=True)
        elif bottom > start + height:
            self.scroll_to(y=bottom - height, animate=False, force=True)

    # Drawing.

    def _keeps_shape(self, components: Iterable[str]) -> bool:
        """Do these rows still fit where they are?"""
        board = self._state.board
        places = {component: index for index, component in enumerate(board.shown)}
        for component in components:
            row, place = board.row(component), places.get(component)
            if row is None or place is None:
                continue
            if any(len(cell.short_release) > self.at.release for cell in row.cells):
                return self.at.release >= rows.RELEASE_MOST
            if rows.height(row, self.at) != self._tops[place + 1] - self._tops[place]:
                return False
        return True

    def _visible(self) -> Sequence[str]:
        shown = self._state.board.shown
        start = self.scroll_offset.y
        first = max(bisect_right(self._tops, start) - 1, 0)
        last = bisect_right(self._tops, start + self.page_height)
        return shown[first:last]

    def _lines(self, component: str) -> list[Line]:
        row = self._state.board.row(component)
        if row is None:
            return []
        selected = self.environment if component == self.component else None
        lines = rows.lines(row, self.at, self._state.now(), selected=selected)
        return [_greyed(spans) for spans in lines] if self._state.is_stale else lines

    def painted(self, component: str) -> Sequence[Line]:
        """The lines of a component as they stand on the screen."""
        return self._drawn.get(component, ())

    def _redraw(self, component: str) -> None:
        """Draw a row anew, and repaint it when it differs from what is on the screen."""
        before = self._drawn.pop(component, None)
        if component not in self._visible():
            return
        fresh = self._drawn[component] = self._lines(component)
        if fresh == before:
            return
        top = self._tops[self._state.board.shown.index(component)]
        y = top - self.scroll_offset.y
        self.refresh(Region(0, y, self.size.width, len(fresh)))

    def on_resize(self, event: events.Resize) -> None:
        """Everything depends on the width."""
        self.relayout()

    def on_click(self, event: events.Click) -> None:
        """A click selects a cell; a second one opens it."""
        line = event.y + self.scroll_offset.y
        shown = self._state.board.shown
        index = bisect_right(self._tops, line) - 1
        if not 0 <= index < len(shown):
            return
        environment = self.at.environment_at(event.x)
        self.select(shown[index], self.environment if environment is None else environment)
        if event.chain > 1:
            self.post_message(self.Chosen())

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        line = y + self.scroll_offset.y
        shown = self._state.board.shown
        index = bisect_right(self._tops, line) - 1
        if not 0 <= index < len(shown):
            return Strip.blank(self.size.width, self.rich_style)
        component = shown[index]
        drawn = self._drawn.get(component)
        if drawn is None:
            drawn = self._drawn[component] = self._lines(component)
        offset = line - self._tops[index]
        spans = drawn[offset] if offset < len(drawn) else ()
        strip = strip_of(spans, self.app.theme).adjust_cell_length(self.size.width)
        base = self.rich_style
        if component == self.component:
            base += theme.ink(self.app.theme, "row")
        return strip.apply_style(base)


def _greyed(spans: Line) -> Line:
    """The line without the colours that would say it is true now."""
    return tuple(
        span if span.style == "cursor" else span._replace(style="stale muted") for span in spans
    )
