"""Styled text that fits a terminal: spans, widths, wrapping, harmless characters; pure.

All that the dashboard shows is made of `Span`s. Their style is a word (`ready`, `muted`, …) which
the widgets turn into colours of the theme; so what is shown can be decided without Textual.
Whatever comes from outside (log lines, messages, names) passes `visible` on its way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

_TAB = "    "
_WORD = re.compile(r" +|[^ ]+ ?")


class Span(NamedTuple):
    """A piece of one line in one style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """A line of plain strings and spans."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def visible(text: str) -> str:
    """The text with control and formatting characters written out.

    A container can write escape sequences that would move our cursor, retitle the terminal or, with
    bidirectional overrides, make a line read differently from what it says.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _shown(character) for character in text
    )


def _shown(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return _TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if character == "\N{NO-BREAK SPACE}":
        return " "
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def width(text: str) -> int:
    """Columns that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, columns: int) -> str:
    """The text in exactly that many columns, cut with an ellipsis or padded."""
    if columns <= 0:
        return ""
    size = width(text)
    if size == columns:
        return text
    if size < columns:
        return text + " " * (columns - size)
    kept = fitting(text, columns - 1)
    return kept + " " * (columns - 1 - width(kept)) + "…"


def cut(text: str, columns: int) -> str:
    """The text in at most that many columns."""
    return text if width(text) <= columns else fit(text, columns)


def line_width(spans: Line) -> int:
    """Columns that a line takes."""
    return sum(width(span.text) for span in spans)


def fit_line(spans: Iterable[Span], columns: int) -> Line:
    """The line in exactly that many columns."""
    fitted: list[Span] = []
    left = columns
    for span in spans:
        size = width(span.text)
        if size > left:
            fitted.append(Span(cut(span.text, left), span.style))
            return tuple(fitted)
        fitted.append(span)
        left -= size
    if left:
        fitted.append(Span(" " * left))
    return tuple(fitted)


def restyle(spans: Line, start: int, end: int, style: str) -> Line:
    """The line with another style for the columns from `start` up to `end`."""
    inside = before(after(spans, start), end - start)
    marked = Span("".join(span.text for span in inside), style)
    return (*before(spans, start), marked, *after(spans, end))


def before(spans: Line, columns: int) -> Line:
    """What a line shows up to a column."""
    kept: list[Span] = []
    for text, style in spans:
        if columns <= 0:
            break
        kept.append(Span(fitting(text, columns), style))
        columns -= width(text)
    return tuple(kept)


def after(spans: Line, columns: int) -> Line:
    """What a line shows from a column on."""
    rest: list[Span] = []
    for text, style in spans:
        size = width(text)
        if columns >= size:
            columns -= size
            continue
        kept = text[len(fitting(text, columns)) :] if columns else text
        rest.append(Span(kept, style))
        columns = 0
    return tuple(rest)


def fitting(text: str, columns: int) -> str:
    """The longest start of the text that takes no more than `columns`."""
    if text.isascii():
        return text[:columns]
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > columns:
            return text[:index]
    return text


def apart(left: Line, right: Line, columns: int) -> Line:
    """Two lines in one, at its left and its right end; the left one gives way."""
    space = max(columns - line_width(right), 0)
    return fit_line((*fit_line(left, space), *right), columns)


def side_by_side(entries: Sequence[Line], columns: int) -> Line:
    """As many entries as there is space for, with two blanks between them or one."""
    needed = sum(line_width(entry) + 2 for entry in entries)
    gap = 2 if needed - 1 <= columns else 1
    spans: Line = ()
    for entry in entries:
        longer = (*spans, Span(" " * (gap if spans else 1)), *entry)
        if line_width(longer) > columns:
            break
        spans = longer
    return spans


def cut_middle(text: str, columns: int) -> str:
    """The text in at most that many columns, its start and its end kept."""
    if width(text) <= columns or columns < 5 or not text.isascii():
        return cut(text, columns)
    start = (columns - 1) // 2
    return f"{text[:start]}…{text[len(text) - (columns - 1 - start) :]}"


def wrap(spans: Line, columns: int, *, indent: int = 0) -> list[Line]:
    """The line broken into several of at most `columns`, those after the first indented.

    Breaks between words; a word that is longer than a line is cut where the line ends.
    """
    columns = max(columns, indent + 1)
    if line_width(spans) <= columns:
        return [spans]
    margin = (Span(" " * indent),) if indent else ()
    lines: list[list[Span]] = [[]]
    left = columns
    for word in _words(spans, columns - indent):
        text = word.text
        if width(text) > left:
            text = text.rstrip(" ")
        if width(text) > left:
            lines.append([*margin])
            text, left = word.text, columns - indent
        lines[-1].append(Span(text, word.style))
        left -= width(text)
    return [tuple(found) for found in lines]


def _words(spans: Line, longest: int) -> Iterator[Span]:
    for span in spans:
        for word in _WORD.findall(span.text):
            pieces = chop_cells(word, longest) if width(word) > longest else [word]
            for piece in pieces:
                yield Span(piece, span.style)
