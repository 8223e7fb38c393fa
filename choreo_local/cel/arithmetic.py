"""The operators on numbers, strings, lists and times, with the limits of their types."""

from __future__ import annotations

import math
from typing import Any

from choreo_local.cel.errors import EvaluationError, overload_error
from choreo_local.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    Duration,
    Timestamp,
    Uint,
)

_INT_OVERFLOW = "integer overflow"
_UINT_OVERFLOW = "unsigned integer overflow"
_BY_ZERO = "division by zero"
_MODULUS_BY_ZERO = "modulus by zero"


def checked_int(value: int) -> int:
    """An int in the range of its type."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError(_INT_OVERFLOW)


def checked_uint(value: int) -> Uint:
    """A uint in the range of its type."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError(_UINT_OVERFLOW)


def add(one: Any, other: Any) -> Any:
    """`one + other`."""
    kind = type(one)
    if kind is type(other):
        if kind is float or kind is str or kind is list or kind is bytes:
            return one + other
        if kind is int:
            return checked_int(one + other)
        if kind is Uint:
            return checked_uint(int(one) + int(other))
        if kind is Duration:
            return Duration.checked(one.nanoseconds + other.nanoseconds)
    elif {kind, type(other)} == {Timestamp, Duration}:
        return Timestamp.checked(one.nanoseconds + other.nanoseconds)
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    raise _unsupported(kind, _ADDERS, "_+_")


def subtract(one: Any, other: Any) -> Any:
    """`one - other`."""
    kind = type(one)
    if kind is type(other):
        if kind is float:
            return one - other
        if kind is int:
            return checked_int(one - other)
        if kind is Uint:
            return checked_uint(int(one) - int(other))
        if kind is Duration or kind is Timestamp:
            return Duration.checked(one.nanoseconds - other.nanoseconds)
    elif kind is Timestamp and type(other) is Duration:
        return Timestamp.checked(one.nanoseconds - other.nanoseconds)
    raise _unsupported(kind, _SUBTRACTORS, "_-_")


def multiply(one: Any, other: Any) -> Any:
    """`one * other`."""
    kind = type(one)
    if kind is type(other):
        if kind is float:
            return one * other
        if kind is int:
            return checked_int(one * other)
        if kind is Uint:
            return checked_uint(int(one) * int(other))
    raise _unsupported(kind, _NUMBERS, "_*_")


def divide(one: Any, other: Any) -> Any:
    """`one / other`; whole numbers are cut towards zero."""
    kind = type(one)
    if kind is type(other):
        if kind is float:
            return _divide_doubles(one, other)
        if kind is int or kind is Uint:
            if other == 0:
                raise EvaluationError(_BY_ZERO)
            if kind is Uint:
                return Uint(int(one) // int(other))
            quotient = abs(one) // abs(other)
            return checked_int(quotient if (one < 0) == (other < 0) else -quotient)
    raise _unsupported(kind, _NUMBERS, "_/_")


def modulo(one: Any, other: Any) -> Any:
    """`one % other`; the sign is that of the first."""
    kind = type(one)
    if kind is type(other) and (kind is int or kind is Uint):
        if other == 0:
            raise EvaluationError(_MODULUS_BY_ZERO)
        if kind is Uint:
            return Uint(int(one) % int(other))
        if one == INT_MIN and other == -1:
            raise EvaluationError(_INT_OVERFLOW)
        rest = abs(one) % abs(other)
        return -rest if one < 0 else rest
    raise _unsupported(kind, (int, Uint), "_%_")


def negate(value: Any) -> Any:
    """`-value`."""
    kind = type(value)
    if kind is int:
        return checked_int(-value)
    if kind is float:
        return -value
    if kind is Duration:
        return Duration.checked(-value.nanoseconds)
    raise overload_error("-_")


_NUMBERS = (int, Uint, float)
_SUBTRACTORS = (*_NUMBERS, Timestamp, Duration)
_ADDERS = (*_SUBTRACTORS, str, bytes, list)


def _divide_doubles(one: float, other: float) -> float:
    if other != 0.0:
        return one / other
    if one == 0.0 or one != one:
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def _unsupported(kind: type, able: tuple[type, ...], function: str) -> EvaluationError:
    """The text depends on whether the first operand knows the operation at all."""
    return overload_error("" if issubclass(kind, able) and kind is not bool else function)
