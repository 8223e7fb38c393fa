"""Regular expressions of schemas: RE2, as in Go, with Go's words for what is wrong with one."""

from __future__ import annotations

import functools
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

# RE2 and its Go twin name the same mistakes differently.
_WORDS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "pattern too large - compile failed": "expression too large",
}


@functools.lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    """The compiled expression; `ValueError` says what is wrong with it."""
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        raise ValueError(_problem(error, pattern)) from None


def matches(pattern: str, text: str) -> bool:
    """Whether an expression matches anywhere in a text; `ValueError` when it is none."""
    return compiled(pattern).search(text) is not None


def _problem(error: Exception, pattern: str) -> str:
    text = error.args[0] if error.args else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    reason, _, fragment = text.partition(": ")
    return f"error parsing regexp: {_WORDS.get(reason, reason)}: `{fragment or pattern}`"
