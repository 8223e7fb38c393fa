"""Lists: `distinct`, `flatten`, `reverse`, `slice`, `sort`, `sortBy`, `lists.range`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local.cel.ast import Call, Ident, Literal, MapLiteral, Message, Node
from choreo_local.cel.declarations import Expansion, Function, Library, Macro, Overload
from choreo_local.cel.errors import EvaluationError, overload_error
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.libraries.membership import distinct, distinct_weight
from choreo_local.cel.macros import bound, mapped, variable_name
from choreo_local.cel.sizes import size
from choreo_local.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    list_of,
    parameter,
)
from choreo_local.cel.values import Duration, Timestamp, Uint

_T = parameter("T")
_LIST = list_of(_T)
_COMPARABLE = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)
_COMPARABLE_CLASSES = (int, Uint, float, bool, Duration, Timestamp, str, bytes)
# No function makes a longer list.
_MOST_ELEMENTS = 1_000_000
_HELD = "@__sortBy_input__"


def _flatten(values: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    while depth and any(isinstance(value, list) for value in values):
        flat: list[Any] = []
        for value in values:
            if isinstance(value, list):
                flat.extend(value)
            else:
                flat.append(value)
        if len(flat) > _MOST_ELEMENTS:
            raise EvaluationError("operation cancelled: resulting list is too long")
        values = flat
        depth -= 1
    return values


def _flatten_weight(values: list[Any], _depth: int = 1) -> int:
    return size(values)


def _range(count: int) -> list[int]:
    if count < 0:
        raise EvaluationError(f"lists.range: size must be non-negative, got {count}")
    if count > _MOST_ELEMENTS:
        limit = f"maximum allowed ({_MOST_ELEMENTS})"
        raise EvaluationError(f"lists.range: size {count} exceeds {limit}")
    return list(range(count))


def _range_weight(count: int) -> int:
    return min(max(count, 0), _MOST_ELEMENTS)


def _reverse(values: list[Any]) -> list[Any]:
    return values[::-1]


def _slice(values: list[Any], start: int, end: int) -> list[Any]:
    this = f"cannot slice({start}, {end})"
    if start < 0 or end < 0:
        raise EvaluationError(f"{this}, negative indexes not supported")
    if start > end:
        raise EvaluationError(f"{this}, start index must be less than or equal to end index")
    if end > len(values):
        raise EvaluationError(f"{this}, list is length {len(values)}")
    return values[start:end]


def _sort(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise overload_error("sort")
    return _sort_by(values, values)


def _sort_by(values: Any, by: Any) -> list[Any]:
    if not (isinstance(values, list) and isinstance(by, list)):
        raise overload_error("@sortByAssociatedKeys")
    if len(values) != len(by):
        sizes = f"{len(values)} and {len(by)}"
        raise EvaluationError(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list,"
            f" but got {sizes} elements respectively"
        )
    if not by:
        return values
    kind = type(by[0])
    if kind not in _COMPARABLE_CLASSES:
        raise EvaluationError("list elements must be comparable")
    if any(type(key) is not kind for key in by):
        raise EvaluationError("list elements must have the same type")
    order = sorted(range(len(by)), key=by.__getitem__)
    return [values[place] for place in order]


def _sort_by_macro(
    expansion: Expansion, target: Node | None, arguments: Sequence[Node]
) -> Node | None:
    if target is None or isinstance(target, Literal | MapLiteral | Message):
        message = (
            "sortBy can only be applied to a list, identifier, comprehension, call or select"
            " expression"
        )
        return expansion.error(message, target)
    message = "sortBy variable name must be a simple identifier"
    variable = variable_name(expansion, arguments[0], message)
    if variable is None:
        return target
    at = expansion.position
    held = Ident(at, _HELD)
    by = mapped(at, held, [variable], None, arguments[1])
    return bound(at, _HELD, target, Call(at, "@sortByAssociatedKeys", [by], held))


def _sorts() -> tuple[Function, Function]:
    by_itself = [
        Overload((list_of(kind),), list_of(kind), _sort, member=True, weight=size_weight)
        for kind in _COMPARABLE
    ]
    by_keys = [
        Overload((_LIST, list_of(kind)), _LIST, _sort_by, member=True, weight=size_weight)
        for kind in _COMPARABLE
    ]
    return (
        Function("sort", tuple(by_itself), _sort),
        Function("@sortByAssociatedKeys", tuple(by_keys), _sort_by),
    )


LIBRARY = Library(
    "lists",
    functions=(
        methods("distinct", ((_LIST,), _LIST, distinct), weight=distinct_weight),
        methods(
            "flatten",
            ((list_of(_LIST),), _LIST, _flatten),
            ((list_of(DYN), INT), list_of(DYN), _flatten),
            weight=_flatten_weight,
        ),
        functions("lists.range", ((INT,), list_of(INT), _range), weight=_range_weight),
        methods("reverse", ((_LIST,), _LIST, _reverse), weight=size_weight),
        methods("slice", ((_LIST, INT, INT), _LIST, _slice), weight=size_weight),
        *_sorts(),
    ),
    macros=(Macro("sortBy", 2, _sort_by_macro, member=True),),
)
