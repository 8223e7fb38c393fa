"""Regular expressions in linear time, with the patterns of one process kept compiled."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from choreo_local.cel.errors import EvaluationError

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """A pattern in RE2's syntax."""
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else "invalid"
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise EvaluationError(f"error parsing regexp: {reason}") from None


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern matches somewhere in the text."""
    return compiled(pattern).search(text) is not None
