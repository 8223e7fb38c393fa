"""`string.format(list)`: the clauses and what they accept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.text import plain_double_text
from choreo_local.cel.values import (
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    from_key,
    seconds_text,
    type_name,
)

_CLAUSE = re.compile(r"%(?:\.([0-9]*))?(.)?", re.DOTALL)
_DEFAULT_PRECISION = 6
_HIGHEST_PRECISION = 1000
# A text longer than this is not made in one call.
_LONGEST = 16 * 1024 * 1024


def formatted(template: str, arguments: list[Any]) -> str:
    """The template with its clauses replaced by the arguments."""
    parts: list[str] = []
    used = 0
    for literal, clause, precision in clauses(template):
        parts.append(literal)
        if clause is None:
            continue
        if used >= len(arguments):
            raise EvaluationError(f"index {used} out of range")
        try:
            parts.append(_FORMATS[clause](arguments[used], precision))
        except EvaluationError as error:
            raise EvaluationError(f"error during formatting: {error.message}") from None
        used += 1
    if used < len(arguments):
        raise EvaluationError(
            f"too many arguments supplied to string.format (expected {used}, got {len(arguments)})"
        )
    return "".join(parts)


def clauses(template: str) -> Iterator[tuple[str, str | None, int | None]]:
    """Pieces of text, each with the letter and the precision of the clause after it."""
    end = 0
    for match in _CLAUSE.finditer(template):
        if match.start() < end:
            continue
        literal = template[end : match.start()]
        digits, letter = match.groups()
        end = match.end()
        if letter is None:
            raise EvaluationError("could not parse formatting clause: unexpected end of string")
        if letter == "%" and digits is None:
            yield literal + "%", None, None
            continue
        if letter not in _FORMATS:
            message = f'unrecognized formatting clause "{letter}"'
            raise EvaluationError(f"could not parse formatting clause: {message}")
        yield literal, letter, _precision(digits)
    yield template[end:], None, None


def _precision(digits: str | None) -> int | None:
    if not digits:
        return None
    precision = int(digits[:6])
    if precision > _HIGHEST_PRECISION:
        raise EvaluationError("could not parse formatting clause: precision is too large")
    return precision


def _refused(clause: str, value: Any) -> EvaluationError:
    return EvaluationError(f"{clause}, was given {type_name(value)}")


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
        size += len(text)
        if size > _LONGEST:
            raise EvaluationError("resulting string is too long")
        parts.append(text)
    return "".join(parts)


class _Text:
    """A piece of text between values."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _listed(values: list[Any]) -> list[Any]:
    items: list[Any] = [_Text("[")]
    for place, value in enumerate(values):
        if place:
            items.append(_Text(", "))
        items.append(value)
    items.append(_Text("]"))
    return items


def _mapped(values: dict[Any, Any]) -> list[Any]:
    entries = (
        sorted((_scalar(from_key(key)), value) for key, value in values.items())
        if all(isinstance(value, str) for value in values.values())
        else sorted(
            ((_scalar(from_key(key)), value) for key, value in values.items()),
            key=lambda entry: entry[0],
        )
    )
    items: list[Any] = [_Text("{")]
    for place, (key, value) in enumerate(entries):
        items.append(_Text(f"{', ' if place else ''}{key}: "))
        items.append(value)
    items.append(_Text("}"))
    return items


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
    if isinstance(value, Duration):
        return f"{seconds_text(value.nanoseconds)}s"
    if isinstance(value, Timestamp):
        return str(value)
    if isinstance(value, TypeValue):
        return value.name
    raise _refused(
        "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists,"
        " types, durations, and timestamps",
        value,
    )


def _decimal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return str(int(value))
    if type(value) is float:
        return _special(value) or plain_double_text(value)
    raise _refused("decimal clause can only be used on ints, uints, and doubles", value)


def _fixed(value: Any, precision: int | None) -> str:
    digits = _DEFAULT_PRECISION if precision is None else precision
    if type(value) in (int, Uint, float):
        return _special(float(value)) or f"{float(value):.{digits}f}"
    raise _refused("fixed-point clause can only be used on ints, uints, and doubles", value)


def _scientific(value: Any, precision: int | None) -> str:
    digits = _DEFAULT_PRECISION if precision is None else precision
    if type(value) in (int, Uint, float):
        return _special(float(value)) or f"{float(value):.{digits}e}"
    raise _refused("scientific clause can only be used on ints, uints, and doubles", value)


def _binary(value: Any, _precision: int | None) -> str:
    if type(value) is bool:
        return "1" if value else "0"
    if type(value) in (int, Uint):
        return f"{int(value):b}"
    raise _refused("only ints, uints, and bools can be formatted as binary", value)


def _octal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return f"{int(value):o}"
    raise _refused("octal clause can only be used on ints and uints", value)


def _hexadecimal(value: Any, _precision: int | None) -> str:
    if type(value) in (int, Uint):
        return f"{int(value):x}"
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass").hex()
    if type(value) is bytes:
        return value.hex()
    raise _refused("only ints, uints, bytes, and strings can be formatted as hex", value)


def _upper_hexadecimal(value: Any, precision: int | None) -> str:
    return _hexadecimal(value, precision).upper()


_FORMATS: dict[str, Callable[[Any, int | None], str]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": _upper_hexadecimal,
}
