"""What the views of one component say, as lines: details, diagnosis, plan; pure.

Each function takes a width and breaks long lines itself, for nothing that matters may be cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choreo_local.apiclient.types import (
    Cell,
    Change,
    Column,
    Details,
    Diagnosis,
    EventLine,
    Plan,
    Step,
)
from choreo_local.errors import ApiError, ChoreoError
from tui import words
from tui.text import Line, Span, cut_middle, fit, line, visible, width, wrap

_EMPTY: Line = ()
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
        lines += _table(rows, columns) if rows else [line(Span(f"   {nothing}", "muted"))]
        lines.append(_EMPTY)
    return lines[:-1]


def _table(rows: Sequence[Sequence[Span]], columns: int, *, margin: int = 3) -> list[Line]:
    """Rows in columns as wide as they need; the last one takes what is left and is wrapped."""
    count = max(len(row) for row in rows) - 1
    widths = [max(width(row[index].text) for row in rows) for index in range(count)]
    widths = [min(size, max(columns // 3, 12)) for size in widths]
    indent = margin + sum(widths) + 2 * count
    lines: list[Line] = []
    for row in rows:
        spans = [Span(" " * margin)]
        for span, size in zip(row, widths, strict=False):
            spans += [Span(fit(cut_middle(span.text, size), size), span.style), Span("  ")]
        lines += wrap((*spans, row[-1]), columns, indent=min(indent, columns // 2))
    return lines


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
    lines = [*wrap(head, columns, indent=3), _EMPTY]
    if found.steps:
        lines.append(line(Span(" THE WAY TO THE CAUSE", "muted")))
        for step in found.steps:
            lines += _step(step, columns)
        lines.append(_EMPTY)
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


# Plans.


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan as lines.

    Attributes:
        anchors: where each object that changes begins.
    """

    lines: list[Line] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)


_CHANGES = {"added": ("+", "added"), "changed": ("~", "warning"), "removed": ("-", "removed")}


def plan(found: Plan, columns: int) -> PlanPage:
    """What a write would do: what speaks against it, then every object with its diff."""
    page = PlanPage(warnings(found, columns))
    if found.unrendered:
        text = Span(
            f" {words.SYMBOLS['failed']} cannot show what changes: "
            f"{words.one_line(found.unrendered)}",
            "failed",
        )
        page.lines.extend(wrap((text,), columns, indent=3))
    if found.up_to_date:
        page.lines.append(line(Span(f" {visible(found.target)} has this release already.")))
    elif not found.changes and not found.unrendered:
        page.lines.append(line(Span(" No object changes.", "muted")))
    page.lines.extend(_change_title(change) for change in found.changes)
    for change in found.changes:
        page.lines.append(_EMPTY)
        page.anchors.append(len(page.lines))
        page.lines.append(_change_title(change))
        page.lines.extend(_diff(change, columns))
    return page


def warnings(found: Plan, columns: int) -> list[Line]:
    """What speaks against a write."""
    lines: list[Line] = []
    for warning in found.warnings:
        text = Span(f" {words.WARNING} {words.one_line(warning)}", "warning")
        lines += wrap((text,), columns, indent=3)
    return lines


def _change_title(change: Change) -> Line:
    mark, style = _CHANGES.get(change.change, ("?", "warning"))
    return line(
        Span(f" {mark} {change.change:<8}", style),
        Span(f"{visible(change.kind)} {visible(change.name)}", "title"),
    )


def _diff(change: Change, columns: int) -> Iterable[Line]:
    for text in change.diff.splitlines():
        is_heading = text.startswith(("--- ", "+++ "))
        is_whole = change.change != "changed" and text.startswith("@@")
        if not is_heading and not is_whole:
            yield from wrap(line(Span(f"   {visible(text)}", _diff_style(text))), columns, indent=6)


def _diff_style(text: str) -> str:
    return {"+": "added", "-": "removed", "@": "hunk"}.get(text[:1], "muted")


def plan_title(found: Plan, verb: str) -> tuple[Line, Line]:
    """The two lines above a plan: what goes where, and which release takes the place of which."""
    way = (
        f"{visible(found.source)} → {visible(found.target)}"
        if found.source and found.source != found.target
        else visible(found.target)
    )
    first = [Span(f" {verb} "), Span(visible(found.component), "title"), Span(f"  {way}  ")]
    if found.is_production:
        first.append(Span(words.PRODUCTION, "production"))
    current = visible(found.current) if found.current else "nothing"
    second = (
        Span(" "),
        Span(current, "muted"),
        Span(" → "),
        Span(visible(found.release), "title"),
        Span(f"   {visible(found.summary)}"),
    )
    return tuple(first), second


# Failures.


def failure(error: ChoreoError, columns: int) -> list[Line]:
    """What went wrong, why, and what to do."""
    head = Span(f" {words.SYMBOLS['failed']} {words.one_line(error.message)}", "failed")
    lines = wrap((head,), columns, indent=3)
    causes = error.causes if isinstance(error, ApiError) else ()
    for cause in causes:
        where = f"{visible(cause.field)}: " if cause.field else ""
        lines += wrap(line(f"   {where}{words.one_line(cause.message)}"), columns, indent=5)
    if error.remedy:
        lines.append(_EMPTY)
        lines += wrap(line(Span(f"   {words.one_line(error.remedy)}", "accent")), columns, indent=3)
    return lines


def plain(lines: Iterable[Line]) -> str:
    """Lines as text, for the clipboard."""
    return "\n".join("".join(span.text for span in spans).rstrip() for spans in lines)


Draw = Callable[[int], Sequence[Line]]


def note(text: str, style: str = "muted") -> Draw:
    """A page that says one thing."""
    return lambda columns: wrap(line(Span(f" {text}", style)), columns, indent=1)
