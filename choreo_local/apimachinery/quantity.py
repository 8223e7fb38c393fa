"""Resource quantities: `100m`, `1.5Gi`, `2e3`. Parse, canonical form, arithmetic, comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import total_ordering

_FORMAT = re.compile(
    r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)"
)
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}

# Nothing smaller exists; what is given more precisely is rounded up.
_SMALLEST = Fraction(1, 10**9)
# Quantities are capped here, as if they were 64-bit integers.
_LARGEST = Fraction(2**63 - 1)
# A longer text is no quantity that anybody means, and would cost time to compute.
_MAX_LENGTH = 256
_MAX_EXPONENT = 400

INVALID = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


class Format(Enum):
    """The family of suffixes that a quantity was given in; sums keep that of the first."""

    BINARY = "BinarySI"
    DECIMAL = "DecimalSI"
    EXPONENT = "DecimalExponent"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An amount of a resource; equal amounts are equal however they are written."""

    value: Fraction
    format: Format = Format.DECIMAL

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Quantity) -> bool:
        return self.value < other.value

    def __bool__(self) -> bool:
        return self.value != 0

    def __add__(self, other: Quantity) -> Quantity:
        # Zero has no unit of its own.
        return Quantity(self.value + other.value, self.format if self else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - other.value, self.format if self else other.format)

    def __neg__(self) -> Quantity:
        return Quantity(-self.value, self.format)

    def __mul__(self, factor: int) -> Quantity:
        return Quantity(self.value * factor, self.format)

    def to_int(self) -> int:
        """The amount as a whole number, rounded up."""
        return _round_up(self.value)

    def to_milli(self) -> int:
        """The amount in thousandths, rounded up: the unit that CPU is counted in."""
        return _round_up(self.value * 1000)

    def to_float(self) -> float:
        """The amount as a number, as near as a float is."""
        return float(self.value)

    def __str__(self) -> str:
        """The canonical form: the largest suffix that leaves no fraction."""
        value = _capped(self.value)
        if self.format is Format.BINARY and -1024 < value < 1024:
            return _decimal(value, Format.DECIMAL)
        if self.format is Format.BINARY and value.denominator == 1:
            return _binary(value.numerator)
        # A fraction has no binary form.
        family = Format.DECIMAL if self.format is Format.BINARY else self.format
        return _decimal(value, family)


ZERO = Quantity(Fraction(0))


def parse(text: str | float) -> Quantity:
    """Read a quantity; numbers are taken as in JSON.

    Raises:
        ValueError: it is none; the message is apimachinery's.
    """
    found = _FORMAT.fullmatch(str(text)) if len(str(text)) <= _MAX_LENGTH else None
    if found is None:
        raise ValueError(INVALID)
    sign, digits, exponent, suffix = found.groups()
    family, factor = _scale(exponent, suffix or "")
    value = Fraction(digits) * factor
    return Quantity(_capped(-value if sign == "-" else value), family)


def is_valid(text: str) -> bool:
    """Whether a text is a quantity."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def canonical(text: str | float) -> str:
    """A quantity in canonical form, as the API server stores it."""
    return str(parse(text))


def _scale(exponent: str | None, suffix: str) -> tuple[Format, Fraction]:
    if exponent is not None:
        power = int(exponent[1:])
        if abs(power) > _MAX_EXPONENT:
            raise ValueError(INVALID)
        return Format.EXPONENT, Fraction(10) ** power
    if suffix in _BINARY:
        return Format.BINARY, Fraction(2 ** _BINARY[suffix])
    return Format.DECIMAL, Fraction(10) ** _DECIMAL[suffix]


def _capped(value: Fraction) -> Fraction:
    """Within 63 bits, and no finer than a billionth: rounded away from zero."""
    if abs(value) > _LARGEST:
        return _LARGEST if value > 0 else -_LARGEST
    units = value / _SMALLEST
    if units.denominator == 1:
        return value
    whole = _round_up(abs(units))
    return (whole if value > 0 else -whole) * _SMALLEST


def _round_up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _binary(value: int) -> str:
    suffix, power = "", 0
    for name, bits in _BINARY.items():
        if value % (1 << bits) == 0:
            suffix, power = name, bits
    return f"{value >> power}{suffix}"


def _decimal(value: Fraction, family: Format) -> str:
    if not value:
        return "0"
    chosen = -9
    for power in _DECIMAL.values():
        if (value / Fraction(10) ** power).denominator == 1:
            chosen = max(chosen, power)
    number = value / Fraction(10) ** chosen
    if family is Format.EXPONENT:
        return f"{number.numerator}e{chosen}" if chosen else f"{number.numerator}"
    suffix = next(name for name, power in _DECIMAL.items() if power == chosen)
    return f"{number.numerator}{suffix}"
