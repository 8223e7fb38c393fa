"""Resource quantities: `quantity('1.5Gi')`, `isQuantity`, their arithmetic and order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods
from choreo_local.cel.types import BOOL, DOUBLE, INT, STRING, opaque
from choreo_local.cel.values import INT_MAX, INT_MIN

TYPE = opaque("kubernetes.Quantity")

_QUANTITY = re.compile(r"([+-]?)([0-9]+)?(?:\.([0-9]*))?([a-zA-Z]*)([-+]?[0-9]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO = 10**9
_LARGEST = Fraction(INT_MAX)
# More digits or a larger exponent say nothing that a quantity could hold.
_LONGEST = 200
_HIGHEST_EXPONENT = 400
_MALFORMED = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_NO_SUFFIX = "unable to parse quantity's suffix"


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount, exact to the billionth.

    Attributes:
        value: the amount.
        whole: whether it is written, or was computed, as a whole number of units.
    """

    cel_type: ClassVar[str] = TYPE.name
    value: Fraction
    whole: bool = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


def parse(text: str) -> Quantity:
    """The amount that a text stands for.

    Raises:
        EvaluationError: it stands for none.
    """
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or not (match[2] or match[3]):
        raise EvaluationError(_MALFORMED)
    sign, whole, fraction, suffix, exponent = match.groups()
    number = Fraction(int((whole or "0") + (fraction or "")), 10 ** len(fraction or ""))
    scale = _scale(suffix, exponent)
    exact = not fraction and scale >= 1
    return _bounded(-number * scale if sign == "-" else number * scale, whole=exact)


def _scale(suffix: str, exponent: str) -> Fraction:
    if suffix in ("e", "E") and exponent.lstrip("+-"):
        power = int(exponent)
        if abs(power) > _HIGHEST_EXPONENT:
            raise EvaluationError(_NO_SUFFIX)
        return Fraction(10) ** power
    if not exponent and suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix]
    if not exponent and suffix in _BINARY:
        return Fraction(2 ** _BINARY[suffix])
    raise EvaluationError(_NO_SUFFIX if suffix else _MALFORMED)


def _bounded(value: Fraction, *, whole: bool = True) -> Quantity:
    """Rounded away from zero to the billionth, and no larger than 64 bits hold."""
    scaled = abs(value) * _NANO
    nanos = -((-scaled.numerator) // scaled.denominator)
    size = Fraction(nanos, _NANO)
    if size > _LARGEST:
        size, whole = _LARGEST, False
    return Quantity(-size if value < 0 else size, whole=whole)


def _is_quantity(text: str) -> bool:
    try:
        parse(text)
    except EvaluationError:
        return False
    return True


def _is_integer(quantity: Quantity) -> bool:
    value = quantity.value
    return quantity.whole and value.denominator == 1 and INT_MIN <= value <= INT_MAX


def _as_integer(quantity: Quantity) -> int:
    if not _is_integer(quantity):
        raise EvaluationError("cannot convert value to integer")
    return int(quantity.value)


def _as_float(quantity: Quantity) -> float:
    return float(quantity.value)


def _sign(quantity: Quantity) -> int:
    return (quantity.value > 0) - (quantity.value < 0)


def _compare(one: Quantity, other: Quantity) -> int:
    return (one.value > other.value) - (one.value < other.value)


def _is_greater(one: Quantity, other: Quantity) -> bool:
    return one.value > other.value


def _is_less(one: Quantity, other: Quantity) -> bool:
    return one.value < other.value


def _add(one: Quantity, other: Quantity | int) -> Quantity:
    addend = other if isinstance(other, Quantity) else Quantity(Fraction(other))
    # A zero says nothing about the digits of a sum.
    whole = all(part.whole or not part.value for part in (one, addend))
    return Quantity(one.value + addend.value, whole=whole)


def _subtract(one: Quantity, other: Quantity | int) -> Quantity:
    if isinstance(other, int):
        return _add(one, -other)
    return _add(one, Quantity(-other.value, whole=other.whole))


LIBRARY = Library(
    "kubernetes.quantity",
    functions=(
        functions("quantity", ((STRING,), TYPE, parse)),
        functions("isQuantity", ((STRING,), BOOL, _is_quantity)),
        methods("sign", ((TYPE,), INT, _sign)),
        methods("isInteger", ((TYPE,), BOOL, _is_integer)),
        methods("asInteger", ((TYPE,), INT, _as_integer)),
        methods("asApproximateFloat", ((TYPE,), DOUBLE, _as_float)),
        methods("isGreaterThan", ((TYPE, TYPE), BOOL, _is_greater)),
        methods("isLessThan", ((TYPE, TYPE), BOOL, _is_less)),
        methods("compareTo", ((TYPE, TYPE), INT, _compare)),
        methods("add", ((TYPE, TYPE), TYPE, _add), ((TYPE, INT), TYPE, _add)),
        methods("sub", ((TYPE, TYPE), TYPE, _subtract), ((TYPE, INT), TYPE, _subtract)),
    ),
    types={TYPE.name: TYPE},
)
