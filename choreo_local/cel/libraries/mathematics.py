"""`math.*`: extremes, rounding, signs, tests of doubles, bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from choreo_local.cel.arithmetic import checked_int
from choreo_local.cel.ast import Call, Ident, ListLiteral, Literal, MapLiteral, Message, Node
from choreo_local.cel.declarations import Expansion, Function, Library, Macro
from choreo_local.cel.equality import compare
from choreo_local.cel.errors import EvaluationError, overload_error
from choreo_local.cel.libraries.declaring import Form, functions, size_weight
from choreo_local.cel.types import BOOL, DOUBLE, DYN, INT, UINT, Type, list_of
from choreo_local.cel.values import INT_MIN, UINT_MAX, Uint, type_name

_NUMBERS = (INT, UINT, DOUBLE)
_NUMBER_CLASSES = (int, Uint, float)


def _extreme(name: str, wins: Callable[[int], bool]) -> Callable[..., Any]:
    """The winner of one value, of two, or of a list."""

    def better(one: Any, other: Any) -> Any:
        return other if wins(compare(other, one, name)) else one

    def pick(*values: Any) -> Any:
        if len(values) == 1 and isinstance(values[0], list):
            values = tuple(values[0])
            if not values:
                raise EvaluationError(f"{name}(list) argument must not be empty")
        for value in values:
            if type(value) not in _NUMBER_CLASSES:
                raise overload_error(name, [type_name(value) for value in values])
        best = values[0]
        for value in values[1:]:
            best = better(best, value)
        return best

    return pick


def _extremes(name: str, wins: Callable[[int], bool]) -> Function:
    pick = _extreme(name, wins)
    forms: list[Form] = [((kind,), kind, pick) for kind in _NUMBERS]
    for one in _NUMBERS:
        forms += [((one, two), one if one is two else DYN, pick) for two in _NUMBERS]
    forms += [((list_of(kind),), kind, pick) for kind in _NUMBERS]
    return functions(name, *forms, weight=size_weight)


def _extreme_macro(name: str, function: str) -> Macro:
    """`math.least(a, b, …)`: any number of arguments become one, two or a list."""
    called = f"math.{name}()"

    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
        if not (isinstance(target, Ident) and target.name == "math"):
            return None
        if not arguments:
            return expansion.error(f"{called} requires at least one argument", target)
        if len(arguments) == 1:
            if not _may_be_numbers(arguments[0]):
                return expansion.error(f"{called} invalid single argument value", arguments[0])
            return Call(expansion.position, function, list(arguments))
        for argument in arguments:
            if not _may_be_number(argument):
                message = f"{called} simple literal arguments must be numeric"
                return expansion.error(message, argument)
        if len(arguments) == 2:
            return Call(expansion.position, function, list(arguments))
        collected = ListLiteral(expansion.position, list(arguments))
        return Call(expansion.position, function, [collected])

    return Macro(name, None, expand, member=True)


def _may_be_number(node: Node) -> bool:
    if isinstance(node, Literal):
        return type(node.value) in _NUMBER_CLASSES
    return not isinstance(node, ListLiteral | MapLiteral | Message)


def _may_be_numbers(node: Node) -> bool:
    if isinstance(node, ListLiteral):
        return bool(node.elements) and all(map(_may_be_number, node.elements))
    return _may_be_number(node)


def _rounded(how: Callable[[float], float]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        return how(value) if math.isfinite(value) else value

    return apply


def _round(value: float) -> float:
    """Halves go away from zero."""
    whole = math.trunc(value)
    rounded = float(whole + math.copysign(1, value) if abs(value - whole) >= 0.5 else whole)
    return math.copysign(rounded, value)


def _signed(how: Callable[[float], int]) -> Callable[[float], float]:
    def apply(value: float) -> float:
        return math.copysign(float(how(value)), value)

    return apply


def _abs(value: Any) -> Any:
    if type(value) is int and value == INT_MIN:
        raise EvaluationError("integer overflow")
    return value if type(value) is Uint else abs(value)


def _sign(value: Any) -> Any:
    if type(value) is float:
        return value if value != value or value == 0 else math.copysign(1.0, value)
    sign = (value > 0) - (value < 0)
    return Uint(sign) if type(value) is Uint else sign


def _sqrt(value: Any) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _each(name: str, kinds: Sequence[Type], implementation: Callable[[Any], Any]) -> Function:
    return functions(name, *[((kind,), kind, implementation) for kind in kinds])


def _test(name: str, implementation: Callable[[float], bool]) -> Function:
    return functions(name, ((DOUBLE,), BOOL, implementation))


def _bits(name: str, combine: Callable[[int, int], int]) -> Function:
    def unsigned(one: Uint, other: Uint) -> Uint:
        return Uint(combine(int(one), int(other)))

    return functions(name, ((INT, INT), INT, combine), ((UINT, UINT), UINT, unsigned))


def _bit_not(value: Any) -> Any:
    return Uint(UINT_MAX ^ value) if type(value) is Uint else ~value


def _shift(name: str, shifted: Callable[[int, int], int]) -> Function:
    """Bits that leave the 64 are lost; ints are shifted as if they were unsigned."""

    def shift(value: Any, count: int) -> Any:
        if count < 0:
            raise EvaluationError(f"{name}() negative offset: {count}")
        bits = 0 if count > 63 else shifted(int(value) & UINT_MAX, count) & UINT_MAX
        if type(value) is Uint:
            return Uint(bits)
        return checked_int(bits - 2**64 if bits >= 2**63 else bits)

    return functions(name, ((INT, INT), INT, shift), ((UINT, INT), UINT, shift))


LIBRARY = Library(
    "math",
    functions=(
        _extremes("math.@max", lambda sign: sign > 0),
        _extremes("math.@min", lambda sign: sign < 0),
        _each("math.ceil", (DOUBLE,), _rounded(_signed(math.ceil))),
        _each("math.floor", (DOUBLE,), _rounded(_signed(math.floor))),
        _each("math.round", (DOUBLE,), _rounded(_round)),
        _each("math.trunc", (DOUBLE,), _rounded(_signed(math.trunc))),
        _each("math.abs", _NUMBERS, _abs),
        _each("math.sign", _NUMBERS, _sign),
        functions("math.sqrt", *[((kind,), DOUBLE, _sqrt) for kind in _NUMBERS]),
        _test("math.isNaN", math.isnan),
        _test("math.isInf", math.isinf),
        _test("math.isFinite", math.isfinite),
        _bits("math.bitAnd", lambda one, other: one & other),
        _bits("math.bitOr", lambda one, other: one | other),
        _bits("math.bitXor", lambda one, other: one ^ other),
        _each("math.bitNot", (INT, UINT), _bit_not),
        _shift("math.bitShiftLeft", lambda value, count: value << count),
        _shift("math.bitShiftRight", lambda value, count: value >> count),
    ),
    macros=(_extreme_macro("greatest", "math.@max"), _extreme_macro("least", "math.@min")),
)
