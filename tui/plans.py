"""A plan as lines: what a promotion or a roll-back would change; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from choreo_local.apiclient.types import Change, Plan
from tui import words
from tui.tables import EMPTY
from tui.text import Line, Span, line, visible, wrap


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
        page.lines.append(EMPTY)
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


def title(found: Plan, verb: str) -> tuple[Line, Line]:
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
