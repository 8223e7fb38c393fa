"""Strings: `charAt`, `indexOf`, `join`, `replace`, `split`, `substring`, `trim`, `format`, …"""

from __future__ import annotations

from typing import Any

from choreo_local.cel.declarations import Function, Library, Overload
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.libraries.formatting import formatted, inspect
from choreo_local.cel.sizes import size
from choreo_local.cel.text import short_double_text
from choreo_local.cel.types import DYN, INT, STRING, list_of

# What Go takes for white space; Python's own idea has four more characters.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code + 32: code for code in _LOWER}
_QUOTED = {
    ord("\a"): "\\a",
    ord("\b"): "\\b",
    ord("\f"): "\\f",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord("\v"): "\\v",
    ord("\\"): "\\\\",
    ord('"'): '\\"',
}
# Longer texts are not made in one call.
_LONGEST = 4 * 1024 * 1024
_STRINGS = list_of(STRING)


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError(f"index out of range: {index}")


def _index_of(text: str, part: str, offset: int = 0) -> int:
    if not part:
        return offset
    if offset < 0:
        raise _out_of_range(offset)
    return text.find(part, offset)


def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


def _last_index_from(text: str, part: str, offset: int) -> int:
    if not part:
        return offset
    if offset < 0:
        raise _out_of_range(offset)
    if offset >= len(text):
        return -1
    return text.rfind(part, 0, offset + len(part))


def _join(parts: list[Any], separator: str = "") -> str:
    for part in parts:
        if type(part) is not str:
            raise EvaluationError(f"join: invalid input: {_shown(part)}")
    return separator.join(parts)


def _shown(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if value is None:
        return "NULL_VALUE"
    return short_double_text(value) if isinstance(value, float) else str(value)


def _join_weight(parts: list[Any], separator: str = "") -> int:
    size = sum(len(part) for part in parts if type(part) is str)
    return (size + len(separator) * len(parts)) // 10


def _lower(text: str) -> str:
    return text.translate(_LOWER)


def _upper(text: str) -> str:
    return text.translate(_UPPER)


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    if text.count(old) * len(new) > _LONGEST:
        raise EvaluationError("operation cancelled: resulting string is too long")
    return text.replace(old, new, max(count, -1))


def _replace_weight(text: str, old: str, new: str, _count: int = -1) -> int:
    return (len(text) + text.count(old) * len(new)) // 10


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _format_weight(template: str, arguments: list[Any]) -> int:
    return len(template) + size(arguments)


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    if end is None:
        return text[start:]
    if not 0 <= end <= len(text):
        raise _out_of_range(end)
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _trim(text: str) -> str:
    return text.strip(_SPACE)


def _quote(text: str) -> str:
    return f'"{text.translate(_QUOTED)}"'


def _reverse(text: str) -> str:
    return text[::-1]


LIBRARY = Library(
    "strings",
    functions=(
        methods("charAt", ((STRING, INT), STRING, _char_at)),
        methods(
            "indexOf",
            ((STRING, STRING), INT, _index_of),
            ((STRING, STRING, INT), INT, _index_of),
            weight=size_weight,
        ),
        methods(
            "lastIndexOf",
            ((STRING, STRING), INT, _last_index_of),
            ((STRING, STRING, INT), INT, _last_index_from),
            weight=size_weight,
        ),
        methods(
            "join",
            ((_STRINGS,), STRING, _join),
            ((_STRINGS, STRING), STRING, _join),
            weight=_join_weight,
        ),
        methods("lowerAscii", ((STRING,), STRING, _lower), weight=size_weight),
        methods("upperAscii", ((STRING,), STRING, _upper), weight=size_weight),
        methods(
            "replace",
            ((STRING, STRING, STRING), STRING, _replace),
            ((STRING, STRING, STRING, INT), STRING, _replace),
            weight=_replace_weight,
        ),
        methods(
            "split",
            ((STRING, STRING), _STRINGS, _split),
            ((STRING, STRING, INT), _STRINGS, _split),
            weight=size_weight,
        ),
        methods(
            "substring",
            ((STRING, INT), STRING, _substring),
            ((STRING, INT, INT), STRING, _substring),
            weight=size_weight,
        ),
        methods("trim", ((STRING,), STRING, _trim), weight=size_weight),
        methods("reverse", ((STRING,), STRING, _reverse), weight=size_weight),
        Function(
            "format",
            (
                Overload(
                    (STRING, list_of(DYN)), STRING, formatted, member=True, weight=_format_weight
                ),
            ),
            inspect=inspect,
        ),
        functions("strings.quote", ((STRING,), STRING, _quote), weight=size_weight),
    ),
)
