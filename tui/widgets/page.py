"""A page of lines that scrolls: what details, plans, diagnoses and help are shown on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import Line, fit_line, line_width, restyle
from tui.widgets.drawn import strip_of

Draw = Callable[[int], Sequence[Line]]


class Page(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines made by a function of the width, with a cursor when `marked` is set.

    Attributes:
        marked: index of the line under the cursor, None when the page has no cursor.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Page { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._draw: Draw = lambda columns: ()
        self._lines: Sequence[Line] = ()
        self.marked: int | None = None

    @property
    def lines(self) -> Sequence[Line]:
        """All lines, visible or not."""
        return self._lines

    def show(self, draw: Draw) -> None:
        """Show other lines; the place in the page stays."""
        self._draw = draw
        self._remake()

    def move(self, lines: int) -> None:
        """Scroll, at once."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def go(self, y: int) -> None:
        """Bring a line to the top."""
        self.scroll_to(y=y, animate=False, force=True)

    def mark(self, y: int | None) -> None:
        """Put the cursor on a line and bring it into view."""
        self.marked = y
        if y is not None:
            top, height = self.scroll_offset.y, max(self.size.height, 1)
            if not top <= y < top + height:
                self.go(y if y < top else y - height + 1)
        self.refresh()

    @property
    def page_height(self) -> int:
        """Lines on the screen."""
        return max(self.size.height, 1)

    def on_resize(self, event: events.Resize) -> None:
        """Lines depend on the width."""
        self._remake()

    def _remake(self) -> None:
        columns = self.scrollable_content_region.width or self.size.width
        self._lines = self._draw(columns) if columns else ()
        widest = max((line_width(spans) for spans in self._lines), default=0)
        self.virtual_size = Size(min(widest, columns), len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        index = y + self.scroll_offset.y
        columns = self.size.width
        if not 0 <= index < len(self._lines):
            return Strip.blank(columns, self.rich_style)
        spans = self._lines[index]
        if index == self.marked:
            spans = restyle(fit_line(spans, columns), 0, columns, "cursor")
        strip = strip_of(spans, self.app.theme).adjust_cell_length(columns)
        return strip.apply_style(self.rich_style)
