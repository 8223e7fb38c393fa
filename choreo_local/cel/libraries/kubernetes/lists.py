"""Lists of comparable values: `isSorted`, `sum`, `min`, `max`; of any: `indexOf`, `lastIndexOf`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from choreo_local.cel.arithmetic import add
from choreo_local.cel.declarations import Function, Library
from choreo_local.cel.equality import compare, equal, search_weight
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import Form, methods, size_weight
from choreo_local.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    parameter,
)
from choreo_local.cel.values import Duration, Uint

_COMPARABLE = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)
_ZEROS: dict[Type, Any] = {INT: 0, UINT: Uint(0), DOUBLE: 0.0, DURATION: Duration(0)}
_A = parameter("A")
_LIST = list_of(_A)


def _is_sorted(values: list[Any]) -> bool:
    pairs = itertools.pairwise(values)
    return all(compare(one, other, "") <= 0 for one, other in pairs)


def _extreme(name: str, better: Callable[[int], bool]) -> Callable[[list[Any]], Any]:
    def pick(values: list[Any]) -> Any:
        if not values:
            raise EvaluationError(f"{name} called on empty list")
        best = values[0]
        for value in values[1:]:
            if better(compare(value, best, "")):
                best = value
        return best

    return pick


def _extremes(name: str, better: Callable[[int], bool]) -> Function:
    pick = _extreme(name, better)
    forms: list[Form] = [((list_of(kind),), kind, pick) for kind in _COMPARABLE]
    return methods(name, *forms, weight=size_weight)


def _sum(zero: Any) -> Callable[[list[Any]], Any]:
    def total(values: list[Any]) -> Any:
        result = zero
        for value in values:
            result = add(result, value)
        return result

    return total


def _index_of(values: list[Any], wanted: Any) -> int:
    return next((place for place, value in enumerate(values) if equal(value, wanted)), -1)


def _last_index_of(values: list[Any], wanted: Any) -> int:
    from_end = _index_of(values[::-1], wanted)
    return -1 if from_end < 0 else len(values) - 1 - from_end


LIBRARY = Library(
    "kubernetes.lists",
    functions=(
        methods(
            "isSorted",
            *[((list_of(kind),), BOOL, _is_sorted) for kind in _COMPARABLE],
            weight=size_weight,
        ),
        methods(
            "sum",
            *[((list_of(kind),), kind, _sum(zero)) for kind, zero in _ZEROS.items()],
            weight=size_weight,
        ),
        _extremes("min", lambda sign: sign < 0),
        _extremes("max", lambda sign: sign > 0),
        methods("indexOf", ((_LIST, _A), INT, _index_of), weight=search_weight),
        methods("lastIndexOf", ((_LIST, _A), INT, _last_index_of), weight=search_weight),
    ),
)
