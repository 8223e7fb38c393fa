"""What `/` understands: regular expressions, `!` for the opposite, `-f` for letters in order.

Patterns run on RE2, so that none of them can hang the dashboard. What is no regular expression is
searched as it stands. Small letters match capitals too; a capital matches itself only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_INVERSE = "!"
_FUZZY = "-f"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed, and the question it asks of a text."""

    text: str
    matches: Callable[[str], bool]
    is_literal: bool = False


def parse(text: str) -> Filter | None:
    """The filter for what was typed after `/`; None for nothing."""
    wanted = text.strip()
    if not wanted:
        return None
    if wanted.startswith(_INVERSE):
        inner = parse(wanted.removeprefix(_INVERSE))
        if inner is None:
            return None
        return Filter(wanted, lambda line: not inner.matches(line), inner.is_literal)
    if wanted.startswith(_FUZZY):
        letters = wanted.removeprefix(_FUZZY).replace(" ", "").lower()
        return Filter(wanted, lambda line: _in_order(letters, line.lower())) if letters else None
    return _expression(wanted)


def _expression(wanted: str) -> Filter:
    # Here and not above: the first picture does not wait for it.
    import re2

    ignores_case = wanted == wanted.lower()
    options = re2.Options()
    options.case_sensitive = not ignores_case
    options.log_errors = False
    try:
        pattern = re2.compile(wanted, options)
    except re2.error:
        folded = wanted.lower() if ignores_case else wanted
        return Filter(
            wanted,
            lambda line: folded in (line.lower() if ignores_case else line),
            is_literal=True,
        )
    return Filter(wanted, lambda line: pattern.search(line) is not None)


def _in_order(letters: str, line: str) -> bool:
    rest = iter(line)
    return all(letter in rest for letter in letters)
