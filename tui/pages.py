"""What the views of one component say, as lines: details, diagnosis, plan; pure.

Each function takes a width and breaks long lines itself, for nothing that matters may be cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from choreo_local.apiclient.types import (
    Cell,
    Column,
    Details,
    Diagnosis,
    EventLine,
    Step,
)
from tui import words
from tui.tables import EMPTY, table
from tui.text import Line, Span, line, visible, wrap

_STATES = {"True": "ready", "False": "failed"}


def tabs(columns: Sequence[Column], selected: str) -> Line:
    """The environments with their numbers, the chosen one in brackets."""
    spans: list[Span] = [Span(" ")]
    for number, column in enumerate(columns, 1):
        mark = f" {words.PRODUCTION}" if column.is_production else ""
        name = visible(column.display_name or column.name)
        is_chosen = column.name == selected
        text = f"[{number} {name}]" if is_chosen else f" {number} {name} "
        spans.append(Span(text, "title" if is_chosen else "muted"))
        if mark:
            spans.append(Span(mark, "production"))
        spans.append(Span("  "))
    return tuple(spans)


def cell_facts(cell: Cell | None, now: datetime) -> Line:
    """State, release, age and pods of a component in an environment, in words."""
    if cell is None:
        return ()
    symbol, word = words.SYMBOLS.get(cell.state, "?"), words.STATE_WORDS.get(cell.state, cell.state)
    spans = [Span(f"{symbol} {word}", cell.state)]
    if cell.release:
        spans.append(Span(f" · {visible(cell.release)}"))
    if cell.since and cell.state != "empty":
        spans.append(Span(f" · since {words.age(cell.since, now)}", "muted"))
    if cell.desired:
        spans.append(Span(f" · {cell.ready}/{cell.desired} pods ready"))
    return tuple(spans)


# Details.


def details(found: Details, columns: int, now: datetime) -> list[Line]:
    """Conditions, events, pods and releases."""
    sections = (
        ("CONDITIONS", _conditions(found.conditions), "no conditions yet"),
        ("PODS", _pods(found, now), "no pods"),
        ("EVENTS", [_event(entry, now) for entry in _newest(found.events)], "no events"),
        ("RELEASES", _releases(found, now), "no releases"),
    )
    lines: list[Line] = []
    for title, rows, nothing in sections:
        count = f" {len(rows)}" if rows else ""
        lines += [line(Span(f" {title}", "title"), Span(count, "muted"))]
        lines += table(rows, columns) if rows else [line(Span(f"   {nothing}", "muted"))]
        lines.append(EMPTY)
    return lines[:-1]


def _conditions(conditions: Iterable[Mapping[str, Any]]) -> list[list[Span]]:
    return [
        [
            Span(f"{words.SYMBOLS[state]} {_text(entry, 'type')}", state),
            Span(_text(entry, "status")),
            Span(_text(entry, "reason")),
            Span(_text(entry, "message"), "muted" if state == "ready" else ""),
        ]
        for entry in conditions
        for state in [_STATES.get(str(entry.get("status")), "progressing")]
    ]


def _text(entry: Mapping[str, Any], key: str) -> str:
    return words.one_line(str(entry.get(key) or ""))


def _pods(found: Details, now: datetime) -> list[list[Span]]:
    return [
        [
            Span(visible(pod.name)),
            Span(pod.ready),
            Span(visible(pod.phase), _pod_style(pod.phase, pod.reason)),
            Span(
                words.counted(pod.restarts, "restart"), "muted" if not pod.restarts else "warning"
            ),
            Span(words.age(pod.age, now) or visible(pod.age), "muted"),
            Span(words.one_line(pod.reason), "failed"),
        ]
        for pod in found.pods
    ]


def _pod_style(phase: str, reason: str) -> str:
    if reason or phase in {"Failed", "Unknown"}:
        return "failed"
    return "ready" if phase in {"Running", "Succeeded"} else "progressing"


def _newest(events: Iterable[EventLine]) -> list[EventLine]:
    return sorted(events, key=lambda event: event.last_seen, reverse=True)


def _event(event: EventLine, now: datetime) -> list[Span]:
    is_warning = event.type != "Normal"
    mark = words.WARNING if is_warning else " "
    times = f" ×{event.count}" if event.count > 1 else ""
    return [
        Span(words.age(event.last_seen, now), "muted"),
        Span(f"{mark} {visible(event.reason)}{times}", "warning" if is_warning else ""),
        Span(visible(event.object), "muted"),
        Span(words.one_line(event.message)),
    ]


def _releases(found: Details, now: datetime) -> list[list[Span]]:
    bound = ((found.binding or {}).get("spec") or {}).get("releaseName")
    return [
        [
            Span(visible(release.name), "title" if release.name == bound else ""),
            Span(words.age(release.created_at, now), "muted"),
            Span("◂ bound here" if release.name == bound else "", "accent"),
        ]
        for release in found.releases
    ]


# Why.


def diagnosis(found: Diagnosis, columns: int) -> list[Line]:
    """The sentence, the way to the cause, and what to do."""
    state = "ready" if found.ready else "failed"
    head = line(
        Span(f" {words.SYMBOLS[state]} ", state), Span(words.one_line(found.summary), "title")
    )
    lines = [*wrap(head, columns, indent=3), EMPTY]
    if found.steps:
        lines.append(line(Span(" THE WAY TO THE CAUSE", "muted")))
        for step in found.steps:
            lines += _step(step, columns)
        lines.append(EMPTY)
    if found.fix:
        lines.append(line(Span(" WHAT TO DO", "muted")))
        for text in found.fix.splitlines():
            lines += wrap(line(Span(f"   {visible(text)}")), columns, indent=3)
    return lines


def _step(step: Step, columns: int) -> list[Line]:
    head = (Span(f"   {visible(step.object)}"), Span(f"   {visible(step.state)}", "accent"))
    lines = wrap(head, columns, indent=6)
    if step.message:
        lines += wrap(
            line(Span(f"      {words.one_line(step.message)}", "muted")), columns, indent=6
        )
    return lines
