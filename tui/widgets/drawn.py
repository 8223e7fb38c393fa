"""Widgets of a few fixed lines: top line, rule, detail strip, keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui import theme
from tui.text import Line, Span, fit_line


def strip_of(spans: Line, theme_name: str) -> Strip:
    """A line of text as Textual paints it."""
    return Strip([Segment(text, theme.ink(theme_name, style)) for text, style in spans])


def rule(columns: int) -> Sequence[Line]:
    """A line from edge to edge."""
    return ((Span("─" * columns, "muted"),),)


class Drawn(Widget):
    """Lines that a function makes for a width.

    Args:
        draw: the lines for a number of columns.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Drawn { height: 1; width: 1fr; }
    """

    def __init__(
        self,
        draw: Callable[[int], Sequence[Line]],
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._draw = draw
        self._lines: Sequence[Line] = ()
        self._columns = -1

    def redraw(self) -> None:
        """Make the lines anew; paint only when they differ."""
        fresh = self._fresh()
        if fresh != self._lines:
            self._lines = fresh
            self.refresh()

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._lines

    def _fresh(self) -> Sequence[Line]:
        self._columns = self.size.width
        return [fit_line(spans, self._columns) for spans in self._draw(self._columns)]

    def render_line(self, y: int) -> Strip:
        """One line."""
        if self._columns != self.size.width:
            self._lines = self._fresh()
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        return strip_of(self._lines[y], self.app.theme).apply_style(self.rich_style)
