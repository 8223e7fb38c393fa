"""How much an object may ask of its review: the checks run while others wait.

Public: `problem(…)`, `limited(…)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.rendering import template as templating
from choreo_local.rendering import values
from choreo_local.rendering.errors import NestedExpressionError

# Templates begin some levels below the top of an object; renders bound what is in them.
DEEPEST = values.MAX_DEPTH + 16
# Of all expressions together: many times what the longest known types have, about a second's work.
LONGEST_EXPRESSIONS = 200_000
MOST_PROBLEMS = 100
_LONGEST_PROBLEMS = 256 * 1024
# Expressions that stand without `${…}`.
_BARE = frozenset({"where", "expression"})


def problem(value: Any, path: str) -> FieldError | None:
    """Why an object is not reviewed at all; None when it may be."""
    length = 0
    waiting = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        if depth > DEEPEST:
            return fielderrors.forbidden(path, f"must not nest deeper than {DEEPEST} levels")
        if isinstance(found, dict):
            length += sum(_expression_length(key) for key in found if _is_text(key))
            waiting += [(child, depth + 1) for child in found.values()]
            length += sum(len(found[key]) for key in _BARE & found.keys() if _is_text(found[key]))
        elif isinstance(found, list):
            waiting += [(child, depth + 1) for child in found]
        elif isinstance(found, str):
            length += _expression_length(found)
        if length > LONGEST_EXPRESSIONS:
            detail = f"expressions must not have more than {LONGEST_EXPRESSIONS} characters in all"
            return fielderrors.forbidden(path, detail)
    return None


def limited(problems: Iterable[FieldError]) -> list[FieldError]:
    """The first problems; those beyond what anybody reads are not looked for."""
    found: list[FieldError] = []
    length = 0
    for one in problems:
        found.append(one)
        length += len(one.message)
        if len(found) >= MOST_PROBLEMS or length > _LONGEST_PROBLEMS:
            break
    return found


def _expression_length(text: str) -> int:
    if "${" not in text:
        return 0
    try:
        return sum(len(expression.text) for expression in templating.scan(text))
    except NestedExpressionError:
        return len(text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
