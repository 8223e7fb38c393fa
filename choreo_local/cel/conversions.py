"""Conversions between scalar types; the library of standard functions declares them."""

from __future__ import annotations

import math
import re

from choreo_local.cel.arithmetic import checked_int
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.text import short_double_text
from choreo_local.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INTEGER = re.compile(r"[+-]?[0-9]+")
_UNSIGNED = re.compile(r"[0-9]+")
_DOUBLE = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)
_LONGEST_NUMBER = 400


def _failed(kind: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from 'string' to '{kind}'")


def bool_of_string(text: str) -> bool:
    """`bool(string)`."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _failed("bool")


def bytes_of_string(text: str) -> bytes:
    """`bytes(string)`."""
    return text.encode("utf-8", "surrogatepass")


def string_of_bytes(data: bytes) -> str:
    """`string(bytes)`."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def string_of_bool(value: bool) -> str:  # noqa: FBT001 - a value of the language
    """`string(bool)`."""
    return "true" if value else "false"


def string_of_double(value: float) -> str:
    """`string(double)`."""
    return short_double_text(value)


def string_of_uint(value: Uint) -> str:
    """`string(uint)`."""
    return str(int(value))


def double_of_number(value: int) -> float:
    """`double(int)` and `double(uint)`."""
    return float(value)


def double_of_string(text: str) -> float:
    """`double(string)`."""
    if len(text) > _LONGEST_NUMBER or _DOUBLE.fullmatch(text) is None:
        raise _failed("double")
    value = float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise _failed("double")
    return value


def int_of_double(value: float) -> int:
    """`int(double)`, cut towards zero."""
    if not math.isfinite(value) or value <= INT_MIN or value >= INT_MAX:
        raise EvaluationError("integer overflow")
    return int(value)


def int_of_string(text: str) -> int:
    """`int(string)`."""
    if len(text) > _LONGEST_NUMBER or _INTEGER.fullmatch(text) is None:
        raise _failed("int")
    value = int(text)
    if not INT_MIN <= value <= INT_MAX:
        raise _failed("int")
    return value


def int_of_uint(value: Uint) -> int:
    """`int(uint)`."""
    return checked_int(int(value))


def uint_of_double(value: float) -> Uint:
    """`uint(double)`, cut towards zero."""
    if not math.isfinite(value) or value < 0 or value >= UINT_MAX:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def uint_of_int(value: int) -> Uint:
    """`uint(int)`."""
    if value < 0:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def uint_of_string(text: str) -> Uint:
    """`uint(string)`."""
    if len(text) > _LONGEST_NUMBER or _UNSIGNED.fullmatch(text) is None:
        raise _failed("uint")
    value = int(text)
    if value > UINT_MAX:
        raise _failed("uint")
    return Uint(value)
