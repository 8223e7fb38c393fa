"""The functions that every expression has: operators, sizes, conversions, types, matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choreo_local.cel import arithmetic, conversions, patterns, types
from choreo_local.cel.declarations import Function, Library, Overload
from choreo_local.cel.errors import overload_error
from choreo_local.cel.libraries import times
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
    Type,
    list_of,
    map_of,
    parameter,
    type_of,
)
from choreo_local.cel.values import TypeValue, type_name

_A = parameter("A")
_B = parameter("B")
_LIST = list_of(_A)
_MAP = map_of(_A, _B)


def _impossible(*_values: Any) -> Any:
    """Stands where the function's dispatch or the planner does the work."""
    raise AssertionError("planned otherwise")


def _operator(name: str, dispatch: Callable[..., Any] | None, *forms: tuple[Type, ...]) -> Function:
    """An operator; each form lists the operands and the result."""
    overloads = tuple(Overload(form[:-1], form[-1], dispatch or _impossible) for form in forms)
    return Function(name, overloads, dispatch)


def _same(*kinds: Type) -> tuple[tuple[Type, ...], ...]:
    return tuple((kind, kind, kind) for kind in kinds)


def _order(name: str) -> Function:
    kinds = (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
    return _operator(name, None, *[(kind, kind, BOOL) for kind in kinds])


def _not(value: Any) -> bool:
    if value is True:
        return False
    if value is False:
        return True
    raise overload_error()


_OPERATORS = (
    _operator("_?_:_", None, (BOOL, _A, _A, _A)),
    _operator("_&&_", None, (BOOL, BOOL, BOOL)),
    _operator("_||_", None, (BOOL, BOOL, BOOL)),
    _operator("!_", _not, (BOOL, BOOL)),
    _operator("@not_strictly_false", None, (BOOL, BOOL)),
    _operator("_==_", None, (_A, _A, BOOL)),
    _operator("_!=_", None, (_A, _A, BOOL)),
    _operator("_[_]", None, (_LIST, INT, _A), (_MAP, _A, _B)),
    _operator("@in", None, (_A, _LIST, BOOL), (_A, _MAP, BOOL)),
    _operator(
        "_+_",
        arithmetic.add,
        *_same(BYTES, DOUBLE, DURATION),
        (DURATION, TIMESTAMP, TIMESTAMP),
        (TIMESTAMP, DURATION, TIMESTAMP),
        *_same(INT),
        (_LIST, _LIST, _LIST),
        *_same(STRING, UINT),
    ),
    _operator(
        "_-_",
        arithmetic.subtract,
        *_same(DOUBLE, DURATION, INT),
        (TIMESTAMP, DURATION, TIMESTAMP),
        (TIMESTAMP, TIMESTAMP, DURATION),
        *_same(UINT),
    ),
    _operator("_*_", arithmetic.multiply, *_same(DOUBLE, INT, UINT)),
    _operator("_/_", arithmetic.divide, *_same(DOUBLE, INT, UINT)),
    _operator("_%_", arithmetic.modulo, *_same(INT, UINT)),
    _operator("-_", arithmetic.negate, (DOUBLE, DOUBLE), (DURATION, DURATION), (INT, INT)),
    *map(_order, ("_<_", "_<=_", "_>_", "_>=_")),
)


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise overload_error("size")


def _sizes() -> Function:
    kinds = (BYTES, _LIST, _MAP, STRING)
    overloads = [
        Overload((kind,), INT, _size, member=member) for kind in kinds for member in (False, True)
    ]
    return Function("size", tuple(overloads), _size)


def _conversion(name: str, result: Type, forms: dict[Type, Callable[[Any], Any]]) -> Function:
    overloads = tuple(Overload((given,), result, convert) for given, convert in forms.items())
    return Function(name, overloads)


def _identity(value: Any) -> Any:
    return value


def _type(value: Any) -> TypeValue:
    return TypeValue(type_name(value))


_CONVERSIONS = (
    Function("type", (Overload((_A,), type_of(_A), _type),), _type),
    Function("dyn", (Overload((_A,), DYN, _identity),), _identity),
    _conversion("bool", BOOL, {BOOL: _identity, STRING: conversions.bool_of_string}),
    _conversion("bytes", BYTES, {BYTES: _identity, STRING: conversions.bytes_of_string}),
    _conversion(
        "double",
        DOUBLE,
        {
            DOUBLE: _identity,
            INT: conversions.double_of_number,
            STRING: conversions.double_of_string,
            UINT: conversions.double_of_number,
        },
    ),
    _conversion(
        "duration",
        DURATION,
        {DURATION: _identity, INT: times.duration_of_int, STRING: times.duration_of_string},
    ),
    _conversion(
        "int",
        INT,
        {
            INT: _identity,
            DOUBLE: conversions.int_of_double,
            DURATION: times.int_of_duration,
            STRING: conversions.int_of_string,
            TIMESTAMP: times.int_of_timestamp,
            UINT: conversions.int_of_uint,
        },
    ),
    _conversion(
        "string",
        STRING,
        {
            STRING: _identity,
            BOOL: conversions.string_of_bool,
            BYTES: conversions.string_of_bytes,
            DOUBLE: conversions.string_of_double,
            DURATION: str,
            INT: str,
            TIMESTAMP: str,
            UINT: conversions.string_of_uint,
        },
    ),
    _conversion(
        "timestamp",
        TIMESTAMP,
        {TIMESTAMP: _identity, INT: times.timestamp_of_int, STRING: times.timestamp_of_string},
    ),
    _conversion(
        "uint",
        UINT,
        {
            UINT: _identity,
            DOUBLE: conversions.uint_of_double,
            INT: conversions.uint_of_int,
            STRING: conversions.uint_of_string,
        },
    ),
)


def _searched(text: str, _part: str) -> int:
    return len(text) // 10


def _string_test(name: str, test: Callable[[str, str], bool]) -> Function:
    return Function(name, (Overload((STRING, STRING), BOOL, test, member=True, weight=_searched),))


def _contains(text: str, part: str) -> bool:
    return part in text


_STRINGS = (
    _string_test("contains", _contains),
    _string_test("endsWith", str.endswith),
    _string_test("startsWith", str.startswith),
    Function(
        "matches",
        (
            Overload((STRING, STRING), BOOL, patterns.matches, weight=patterns.weight),
            Overload((STRING, STRING), BOOL, patterns.matches, member=True, weight=patterns.weight),
        ),
    ),
)

LIBRARY = Library(
    "standard",
    functions=(*_OPERATORS, _sizes(), *_CONVERSIONS, *_STRINGS, *times.FUNCTIONS),
    types={
        "bool": BOOL,
        "bytes": BYTES,
        "double": DOUBLE,
        "int": INT,
        "list": list_of(DYN),
        "map": map_of(DYN, DYN),
        "null_type": types.NULL,
        "string": STRING,
        "type": types.TYPE,
        "uint": UINT,
        "google.protobuf.Duration": DURATION,
        "google.protobuf.Timestamp": TIMESTAMP,
    },
)
