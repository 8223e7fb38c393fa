"""Pages in parts: tables, failures, notes, and pages as plain text; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from choreo_local.errors import ApiError, ChoreoError
from tui import words
from tui.text import Line, Span, cut_middle, fit, line, visible, width, wrap

Draw = Callable[[int], Sequence[Line]]
EMPTY: Line = ()


def table(rows: Sequence[Sequence[Span]], columns: int, *, margin: int = 3) -> list[Line]:
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


def failure(error: ChoreoError, columns: int) -> list[Line]:
    """What went wrong, why, and what to do."""
    head = Span(f" {words.SYMBOLS['failed']} {words.one_line(error.message)}", "failed")
    lines = wrap((head,), columns, indent=3)
    causes = error.causes if isinstance(error, ApiError) else ()
    for cause in causes:
        where = f"{visible(cause.field)}: " if cause.field else ""
        lines += wrap(line(f"   {where}{words.one_line(cause.message)}"), columns, indent=5)
    if error.remedy:
        lines.append(EMPTY)
        lines += wrap(line(Span(f"   {words.one_line(error.remedy)}", "accent")), columns, indent=3)
    return lines


def plain(lines: Iterable[Line]) -> str:
    """Lines as text, for the clipboard."""
    return "\n".join("".join(span.text for span in spans).rstrip() for spans in lines)


def note(text: str, style: str = "muted") -> Draw:
    """A page that says one thing."""
    return lambda columns: wrap(line(Span(f" {text}", style)), columns, indent=1)
