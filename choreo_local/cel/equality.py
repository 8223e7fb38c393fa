"""Equality and order of values, across number types and without recursion."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.errors import EvaluationError, overload_error
from choreo_local.cel.sizes import size
from choreo_local.cel.values import BoolKey, Duration, Optional, Timestamp, Uint

_SCALARS = frozenset({str, bool, int, Uint, bytes, type(None)})
_NUMBERS = frozenset({int, Uint, float})


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; values of types that do not compare are not."""
    kind = type(one)
    if kind is type(other):
        if kind in _SCALARS or kind is float:
            return bool(one == other)
    elif kind in _NUMBERS or type(other) in _NUMBERS:
        return _numbers_equal(one, other)
    return compare_deeply(one, other)[0]


def _numbers_equal(one: Any, other: Any) -> bool:
    if type(one) not in _NUMBERS or type(other) not in _NUMBERS:
        return False
    if type(one) is float or type(other) is float:
        return float(one) == float(other)
    return bool(one == other)


def compare_deeply(one: Any, other: Any) -> tuple[bool, int]:
    """Whether two values are equal, and how many pairs of parts it took to find out.

    A pair of containers is walked once: values that expressions make may share their parts so
    often that a plain walk would not end.
    """
    pending = [(one, other)]
    seen: set[tuple[int, int]] = set()
    work = 1
    while pending:
        left, right = pending.pop()
        kind = type(left)
        if kind is type(right) and kind in _SCALARS:
            if left != right:
                return False, work
        elif isinstance(left, list | dict):
            pair = (id(left), id(right))
            if pair in seen:
                continue
            seen.add(pair)
            parts = _parts(left, right)
            if parts is None:
                return False, work
            pending.extend(parts)
            work += len(parts)
        elif isinstance(left, Optional):
            if not isinstance(right, Optional) or left.present is not right.present:
                return False, work
            if left.present:
                pending.append((left.value, right.value))
        elif kind in _NUMBERS or type(right) in _NUMBERS:
            if not _numbers_equal(left, right):
                return False, work
        elif kind is not type(right) or left != right:
            return False, work
    return True, work


def _parts(left: Any, right: Any) -> list[tuple[Any, Any]] | None:
    """The elements or values of two containers, side by side; None when they do not pair up."""
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return None
        return list(zip(left, right, strict=True))
    if not isinstance(right, dict) or len(left) != len(right):
        return None
    if any(key not in right for key in left):
        return None
    return [(value, right[key]) for key, value in left.items()]


def search_weight(values: list[Any], wanted: Any) -> int:
    """The work of looking for a value among others."""
    return len(values) * (size(wanted) if isinstance(wanted, list | dict | Optional) else 1)


def contains(container: Any, element: Any) -> bool:
    """`element in container`."""
    if isinstance(container, list):
        if type(element) is str:
            return element in container
        return any(equal(element, part) for part in container)
    if isinstance(container, dict):
        if isinstance(element, list | dict):
            return False
        if type(element) is bool:
            element = BoolKey(element)
        return element in container
    raise overload_error("@in")


_ORDERED = (str, bytes, bool, Timestamp, Duration)


def compare(one: Any, other: Any, function: str) -> int:
    """Below, at or above zero; NaN is an error."""
    kind = type(one)
    if kind is type(other) and kind in _ORDERED:
        return int(one > other) - int(one < other)
    if kind in _NUMBERS:
        if type(other) not in _NUMBERS:
            raise overload_error()
        if kind is float or type(other) is float:
            one, other = float(one), float(other)
            if one != one or other != other:
                raise EvaluationError("NaN values cannot be ordered")
        return int(one > other) - int(one < other)
    if kind in _ORDERED:
        raise overload_error()
    raise overload_error(function)
