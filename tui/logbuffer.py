"""The last lines of a log, and which of them a filter shows; pure, and bounded whatever arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from choreo_local.apiclient.types import LogLine
from tui.filters import Filter
from tui.text import visible

CAPACITY = 10_000
# A line of a log can be a megabyte of JSON; nobody reads further than this in a terminal.
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to show.

    Attributes:
        serial: counts all lines that ever came.
        is_notice: said by the dashboard, not by a container.
    """

    serial: int
    text: str
    pod: str = ""
    container: str = ""
    time: str = ""
    is_notice: bool = False


@dataclass(slots=True)
class LogBuffer:
    """A ring of lines.

    Attributes:
        dropped: lines that had to make room.
        shown: the lines that the filter lets through, oldest first.
        is_paused: `shown` stays as it is; lines go on being kept.
        missed: lines that came while paused.
    """

    capacity: int = CAPACITY
    dropped: int = 0
    is_paused: bool = False
    missed: int = 0
    filter: Filter | None = None
    shown: deque[Entry] = field(default_factory=deque)
    _entries: deque[Entry] = field(default_factory=deque)
    _serial: int = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, lines: Iterable[LogLine]) -> None:
        """Keep lines that containers wrote."""
        self._keep(
            [
                Entry(self._next(), _shortened(line.line), line.pod, line.container, line.time)
                for line in lines
            ]
        )

    def note(self, text: str) -> None:
        """Keep a remark of ours between the lines."""
        self._keep([Entry(self._next(), visible(text), is_notice=True)])

    def pause(self, *, is_paused: bool) -> None:
        """Stop or go on showing new lines."""
        self.is_paused = is_paused
        self.missed = 0
        if not is_paused:
            self._show_again()

    def show_only(self, wanted: Filter | None) -> None:
        """Filter; works while paused too."""
        self.filter = wanted
        self._show_again()

    def clear(self) -> None:
        """Forget all lines."""
        self._entries.clear()
        self.shown.clear()
        self.dropped = self.missed = 0

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _keep(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)
        excess = len(self._entries) - self.capacity
        for _ in range(excess):
            self._entries.popleft()
        self.dropped += max(excess, 0)
        if self.is_paused:
            self.missed += len(entries)
            return
        self.shown.extend(entry for entry in entries if self._is_shown(entry))
        oldest = self._entries[0].serial if self._entries else 0
        while self.shown and self.shown[0].serial < oldest:
            self.shown.popleft()

    def _show_again(self) -> None:
        self.shown = deque(entry for entry in self._entries if self._is_shown(entry))

    def _is_shown(self, entry: Entry) -> bool:
        return self.filter is None or entry.is_notice or self.filter.matches(entry.text)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return visible(text)
    return visible(text[:_LONGEST]) + f" … ({len(text) - _LONGEST} characters more)"
