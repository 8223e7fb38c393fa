"""Lines of a log that scroll by: draws only what is on the screen."""

from __future__ import annotations

from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.logbuffer import Entry, LogBuffer
from tui.text import Line, Span, after
from tui.widgets.drawn import strip_of

_POD_STYLES = ("accent", "production", "ready", "progressing", "muted")
_SIDEWAYS = 16


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """The shown lines of a buffer.

    Attributes:
        shows_times: the time before each line.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LogView { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    class Scrolled(Message):
        """The user went up, away from the newest line."""

    def __init__(self, buffer: LogBuffer) -> None:
        super().__init__(id="log")
        self._buffer = buffer
        self.shows_times = False
        self._sideways = 0
        self._pod_styles: dict[str, str] = {}

    def follow(self) -> None:
        """Lines came or went: repaint, at the end unless paused."""
        self.virtual_size = Size(self.size.width, len(self._buffer.shown))
        if not self._buffer.is_paused:
            self.scroll_to(y=self._last_top, animate=False, force=True)
        self.refresh()

    def move(self, lines: int) -> None:
        """Scroll; going up stops following."""
        target = min(max(self.scroll_offset.y + lines, 0), self._last_top)
        if lines < 0 and target < self._last_top:
            self.post_message(self.Scrolled())
        self.scroll_to(y=target, animate=False, force=True)

    def sideways(self, steps: int) -> None:
        """Show what stands further right, or back."""
        self._sideways = max(self._sideways + steps * _SIDEWAYS, 0)
        self.refresh()

    @property
    def page_height(self) -> int:
        """Lines on the screen."""
        return max(self.size.height, 1)

    @property
    def _last_top(self) -> int:
        return max(len(self._buffer.shown) - self.page_height, 0)

    def on_resize(self) -> None:
        """Stay at the end."""
        self.follow()

    def render_line(self, y: int) -> Strip:
        """One line of the visible part."""
        index, columns = y + self.scroll_offset.y, self.size.width
        shown = self._buffer.shown
        if not 0 <= index < len(shown):
            return Strip.blank(columns, self.rich_style)
        entry = shown[index]
        style = self._pod_styles.setdefault(
            entry.pod, _POD_STYLES[len(self._pod_styles) % len(_POD_STYLES)]
        )
        spans = entry_line(
            entry, shows_times=self.shows_times, pod_style=style, sideways=self._sideways
        )
        strip = strip_of(spans, self.app.theme).adjust_cell_length(columns)
        return strip.apply_style(self.rich_style)


def entry_line(entry: Entry, *, shows_times: bool, pod_style: str = "", sideways: int = 0) -> Line:
    """A line of the log with its pod, and its time when wanted."""
    if entry.is_notice:
        return (Span(f" ── {entry.text} ──", "warning"),)
    head = [Span(" ")]
    if shows_times:
        head.append(Span(f"{entry.time[11:23].rstrip('Z'):<12} ", "muted"))
    if entry.pod:
        head.append(Span(f"{entry.pod[-5:]} ", pod_style))
    text: Line = (Span(entry.text),)
    return (*head, *(after(text, sideways) if sideways else text))
