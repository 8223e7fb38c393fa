"""`string.find(pattern)` and `string.findAll(pattern, limit)`."""

from __future__ import annotations

from typing import Any

from choreo_local.cel import patterns
from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import methods
from choreo_local.cel.types import INT, STRING, list_of


def _compiled(pattern: str) -> Any:
    try:
        return patterns.compiled(pattern)
    except EvaluationError as error:
        raise EvaluationError(f"Illegal regex: {error.message}") from None


def _find(text: str, pattern: str) -> str:
    found = _compiled(pattern).search(patterns.well_formed(text))
    return "" if found is None else str(found[0])


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """An empty match right after another match does not count, as in Go."""
    found: list[str] = []
    end = -1
    for match in _compiled(pattern).finditer(patterns.well_formed(text)):
        if 0 <= limit <= len(found):
            break
        if match.start() == match.end() == end:
            continue
        found.append(match[0])
        end = match.end()
    return found


def _find_all_weight(text: str, pattern: str, _limit: int = -1) -> int:
    """There may be a match at every character, and each takes a while."""
    return 8 * len(text) + patterns.weight(text, pattern)


LIBRARY = Library(
    "kubernetes.regex",
    functions=(
        methods("find", ((STRING, STRING), STRING, _find), weight=patterns.weight),
        methods(
            "findAll",
            ((STRING, STRING), list_of(STRING), _find_all),
            ((STRING, STRING, INT), list_of(STRING), _find_all),
            weight=_find_all_weight,
        ),
    ),
)
