"""Symbols, words, ages and sizes as the dashboard writes them; pure.

A state is told by its symbol and a word, never by colour alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from choreo_local import clock
from tui.text import visible

SYMBOLS: Final[Mapping[str, str]] = {
    "ready": "●",
    "progressing": "◐",
    "failed": "✖",
    "undeployed": "○",
    "empty": "·",
}
STATE_WORDS: Final[Mapping[str, str]] = {
    "ready": "ready",
    "progressing": "rolling out",
    "failed": "failed",
    "undeployed": "undeployed",
    "empty": "not deployed",
}
BEHIND: Final = "▲"
PRODUCTION: Final = "▲ PROD"
WAITING: Final = "▸"
WARNING: Final = "▲"

_UNITS = ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def age(since: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was, in one unit: `12s`, `4m`, `3d`; "" when unknown."""
    moment = _parsed(since)
    return "" if moment is None else duration(now - moment)


def duration(length: timedelta) -> str:
    """A length of time in its largest unit, rounded down."""
    seconds = max(int(length.total_seconds()), 0)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "0s"


@functools.lru_cache(maxsize=8192)
def _parsed(since: str) -> datetime | None:
    try:
        moment = clock.parse_timestamp(since)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def local_time(moment: datetime) -> str:
    """The wall clock of a moment where the user is."""
    return moment.astimezone().strftime("%H:%M:%S")


def megabytes(count: int) -> str:
    """Bytes as a person reads memory."""
    return f"{count / 1_000_000_000:.1f} GB" if count >= 10**9 else f"{count // 1_000_000} MB"


def percent(value: float) -> str:
    """A share of one core."""
    return f"{value:.1f} %" if 0 < value < 0.95 else f"{value:.0f} %"


def counted(number: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{number:,} {noun}".replace(",", " ") + ("" if number == 1 else "s")


def one_line(text: str) -> str:
    """A message of the platform as one harmless line."""
    return visible(" ".join(text.split("\n"))) if "\n" in text else visible(text)
