"""Regular expressions in linear time, with the patterns of one process kept compiled."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from choreo_local.cel.errors import EvaluationError

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
# Bounds what one compiled pattern takes, and with that what all that are kept take.
_OPTIONS.max_mem = 2 * 1024 * 1024
_MOST_KEPT = 256

_REASONS = {
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid UTF-8": "invalid UTF-8",
    "invalid named capture group": "invalid named capture",
}


@lru_cache(maxsize=_MOST_KEPT)
def compiled(pattern: str) -> Any:
    """A pattern in RE2's syntax."""
    try:
        return re2.compile(well_formed(pattern), _OPTIONS)
    except re2.error as error:
        raise EvaluationError(f"error parsing regexp: {_reason(error, pattern)}") from None


def _reason(error: Exception, pattern: str) -> str:
    """The library's complaint in the words of Go, which reads the same syntax."""
    found = error.args[0] if error.args else b""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    for ours, theirs in _REASONS.items():
        if text.startswith(ours):
            part = text[len(ours) :].removeprefix(": ")
            # Go shows the whole pattern where a closing is missing or unexpected.
            whole = "closing" in theirs or "unexpected" in theirs
            if ours.startswith("trailing"):
                part = ""
            return f"{theirs}: `{pattern if whole else part}`"
    return text


def weight(text: str, pattern: str, *_rest: object) -> int:
    """The work of a search: at worst every character meets every instruction of the pattern."""
    try:
        size = int(compiled(pattern).programsize)
    except EvaluationError:
        # The search will say what is wrong.
        size = 0
    return len(pattern) + len(text) // 10 + len(text) * size // 64


def well_formed(text: str) -> str:
    """The text; halves of surrogate pairs, which have no UTF-8, are replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern matches somewhere in the text."""
    return compiled(pattern).search(well_formed(text)) is not None
