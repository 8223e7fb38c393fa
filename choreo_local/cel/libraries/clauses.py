"""The clauses of `string.format`: which values they accept, and the text they make of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.text import plain_double_text
from choreo_local.cel.types import Kind
from choreo_local.cel.values import Duration, Timestamp, TypeValue, Uint, from_key

_DEFAULT_PRECISION = 6
# Longer texts, or texts of more pieces, are not made in one call.
_LONGEST = 4 * 1024 * 1024
_MOST_PIECES = 1_000_000


class RefusedError(Exception):
    """A clause does not accept a value.

    Attributes:
        value: the value, or the part of it.
    """

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return None


def _string(value: Any, _precision: int | None) -> str:
    """Lists and maps are walked with a stack, as they may be nested deeply."""
    parts: list[str] = []
    size = 0
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, _Text):
            text = item.text
        elif isinstance(item, list):
            pending.extend(reversed(_listed(item)))
            continue
        elif isinstance(item, dict):
            pending.extend(reversed(_mapped(item)))
            continue
        else:
            text = _scalar(item)
        parts.append(text)
        size += len(text)
        if size > _LONGEST or len(parts) > _MOST_PIECES:
            raise EvaluationError("resulting string is too long")
    return "".join(parts)


class _Text:
    """A piece of text between values."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _listed(values: list[Any]) -> list[Any]:
    items: list[Any] = [_Text("[")]
    for place, value in enumerate(values):
        items += [_Text(", "), value] if place else [value]
    return [*items, _Text("]")]


def _mapped(values: dict[Any, Any]) -> list[Any]:
    named = {_scalar(from_key(key)): value for key, value in values.items()}
    items: list[Any] = [_Text("{")]
    for place, key in enumerate(sorted(named)):
        items += [_Text(f"{', ' if place else ''}{key}: "), named[key]]
    return [*items, _Text("}")]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _special(value) or plain_double_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None:
        return "null"
    if isinstance(value, Duration | Timestamp):
        return str(value)
    if isinstance(value, TypeValue):
        return value.name
    raise RefusedError(value)


def _decimal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return str(int(value))
    if type(value) is float:
        return _special(value) or plain_double_text(value)
    raise RefusedError(value)


def _fixed(value: Any, precision: int | None) -> str:
    digits = _DEFAULT_PRECISION if precision is None else precision
    if type(value) in (int, Uint, float):
        return _special(float(value)) or f"{float(value):.{digits}f}"
    raise RefusedError(value)


def _scientific(value: Any, precision: int | None) -> str:
    digits = _DEFAULT_PRECISION if precision is None else precision
    if type(value) in (int, Uint, float):
        return _special(float(value)) or f"{float(value):.{digits}e}"
    raise RefusedError(value)


def _binary(value: Any, _precision: int | None) -> str:
    if type(value) is bool:
        return "1" if value else "0"
    if type(value) in (int, Uint):
        return f"{int(value):b}"
    raise RefusedError(value)


def _octal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return f"{int(value):o}"
    raise RefusedError(value)


def _hexadecimal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return f"{int(value):x}"
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass").hex()
    if type(value) is bytes:
        return value.hex()
    raise RefusedError(value)


def _upper_hexadecimal(value: Any, precision: int | None) -> str:
    return _hexadecimal(value, precision).upper()


# What a clause says about a value that it does not accept.
REFUSALS = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists,"
    " types, durations, and timestamps",
    "d": "decimal clause can only be used on ints, uints, and doubles",
    "f": "fixed-point clause can only be used on ints, uints, and doubles",
    "e": "scientific clause can only be used on ints, uints, and doubles",
    "b": "only ints, uints, and bools can be formatted as binary",
    "o": "octal clause can only be used on ints and uints",
    "x": "only ints, uints, bytes, and strings can be formatted as hex",
    "X": "only ints, uints, bytes, and strings can be formatted as hex",
}
_INTEGERS = frozenset({Kind.INT, Kind.UINT})
_IN_HEXADECIMAL = _INTEGERS | {Kind.STRING, Kind.BYTES}
# The types that a clause accepts.
ACCEPTED = {
    "s": _IN_HEXADECIMAL
    | {Kind.DOUBLE, Kind.BOOL, Kind.LIST, Kind.MAP, Kind.TYPE, Kind.NULL}
    | {Kind.TIMESTAMP, Kind.DURATION},
    "d": _INTEGERS | {Kind.DOUBLE},
    "f": _INTEGERS | {Kind.DOUBLE},
    "e": _INTEGERS | {Kind.DOUBLE},
    "b": _INTEGERS | {Kind.BOOL},
    "o": _INTEGERS,
    "x": _IN_HEXADECIMAL,
    "X": _IN_HEXADECIMAL,
}
# What makes the text, by letter; it takes the value and the precision.
FORMATS: dict[str, Callable[[Any, int | None], str]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": _upper_hexadecimal,
}
