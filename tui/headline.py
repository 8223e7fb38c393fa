"""The top line: where we are, how the platform is, and how old what we show is; pure."""

from __future__ import annotations

from datetime import datetime

from tui import words
from tui.state import State
from tui.text import Line, Span, fit_line, line_width, visible

_WIDE = 100


def headline(state: State, columns: int, now: datetime) -> Line:
    """The line for a width; what matters least goes first when there is no space."""
    left = (
        Span(" "),
        Span("choreo", "title"),
        Span("  " if columns >= _WIDE else " "),
        Span(visible(state.namespace)),
        Span(" ▸ ", "muted"),
        Span(visible(state.project) if state.project else "all projects"),
    )
    right = (*_freshness(state, now), Span(words.local_time(now)), Span(" "))
    space = columns - line_width(left) - line_width(right) - 2
    for facts in _facts(state):
        if line_width(facts) <= space:
            gap = space - line_width(facts)
            before = min(gap // 2, 8) + 1
            after = gap + 2 - before
            return (*left, Span(" " * before), *facts, Span(" " * after), *right)
    return fit_line((*left, Span("  "), *right), columns)


def _facts(state: State) -> list[Line]:
    """What is known of the instance, in forms that get shorter."""
    status = state.status
    if status is None:
        return [()]
    trouble = _trouble(state)
    driver = Span(visible(status.driver))
    planes = trouble or (_planes(state),)
    memory = Span(f" · {words.megabytes(status.memory.total_bytes)}")
    load = Span(f" · {words.percent(status.cpu_percent)}")
    cpu = Span(f"{load.text} CPU")
    full: Line = (driver, Span(" · "), *planes, memory, cpu)
    return [full, (driver, Span(" · "), *planes, memory, load), (*planes, memory), planes]


def _planes(state: State) -> Span:
    planes = state.status.planes if state.status else ()
    limited = sum(1 for entry in planes if entry.message)
    note = f" {limited} limited" if limited else ""
    return Span(f"{words.counted(len(planes), 'plane')} {words.SYMBOLS['ready']}{note}", "ready")


def _trouble(state: State) -> Line:
    if not state.unreachable_since or state.status is None:
        return ()
    plane, since = min(state.unreachable_since.items(), key=lambda item: item[1])
    found = next(entry for entry in state.status.planes if entry.plane == plane)
    message = f": {words.one_line(found.message)}" if found.message else ""
    text = f"{words.SYMBOLS['failed']} {plane} plane gone since {words.local_time(since)}"
    return (Span(text, "failed"), Span(message, "failed"))


def _freshness(state: State, now: datetime) -> Line:
    heard = state.link.heard_at
    if heard is None:
        text = "not connected" if state.link.lost else "connecting"
        return (Span(f"{text}  ", "warning" if state.link.lost else "muted"),)
    old = words.duration(now - heard)
    if state.link.is_stale(now):
        since = words.local_time(heard)
        return (Span(f"{words.WARNING} STALE since {since} ({old})  ", "warning"),)
    return (Span(f"as of {old[:-1]} {old[-1]} ago  ", "muted"),)
