"""Resource quantities: `500m`, `1.5Gi`, `12e6`; read, compared and written as Kubernetes does.

`typed` writes every quantity of an object anew, `defaults` rounds them, `validation` compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PATTERN = re.compile(r"([+-]?)(0*)(\d*)(\.?)(\d*)([eEinumkKMGTP]*[+-]?\d*)", re.ASCII)
_SI = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SI_NAMES = {exponent: suffix for suffix, exponent in _SI.items()}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_NAMES = {exponent: suffix for suffix, exponent in _BINARY.items()}
_NANO = 10**9
_MILLI = 10**6
_MAX_BINARY = (2**63 - 1) * _NANO
# What a machine word holds is kept as it was written, when that is the usual form.
_MAX_DIGITS = 18
_MAX_BINARY_DIGITS = 15
# Longer or larger numbers mean nothing and cost time.
_MAX_LENGTH = 256
_MAX_EXPONENT = 256

FORMAT_ERROR = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_SUFFIX_ERROR = "unable to parse quantity's suffix"
_NUMERIC_ERROR = "unable to parse numeric part of quantity"


class QuantityError(ValueError):
    """A text is no quantity; the message is that of the real decoder."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount.

    Attributes:
        nanos: the amount in billionths, rounded away from zero.
        text: as Kubernetes writes it.
        style: "SI", "binary" or "exponent".
    """

    nanos: int
    text: str
    style: str = "SI"

    def rounded_to_milli(self) -> Quantity:
        """The amount rounded up to thousandths, the finest that resources of pods have."""
        if self.nanos % _MILLI == 0:
            return self
        nanos = -(-self.nanos // _MILLI) * _MILLI
        return from_nanos(nanos, self.style)


def from_nanos(nanos: int, style: str = "SI") -> Quantity:
    """A quantity of an amount in billionths."""
    return Quantity(nanos, _write(nanos, style), style)


@lru_cache(maxsize=2048)
def parse(text: str) -> Quantity:
    """Read a quantity; QuantityError for anything else."""
    if text == "0":
        return Quantity(0, "0")
    matched = _PATTERN.fullmatch(text)
    if matched is None or not text or len(text) > _MAX_LENGTH:
        raise QuantityError(_NUMERIC_ERROR if matched and text else FORMAT_ERROR)
    sign, _zeros, number, point, fraction, suffix = matched.groups()
    if not number and not point:
        # Only zeros, or nothing, before the suffix.
        number = "0"
    style, base, exponent = _suffix(suffix)
    digits = int((number or "0") + fraction or "0")
    nanos = _nanos(digits, len(fraction), base, exponent)
    if style == "binary":
        nanos = min(nanos, _MAX_BINARY)
        if 0 < nanos < _NANO:
            style = "SI"
    value = -nanos if sign == "-" else nanos
    is_usual = _is_usual(number or "0", fraction, style, exponent, digits)
    return Quantity(value, text if is_usual else _write(value, style), style)


def _suffix(suffix: str) -> tuple[str, int, int]:
    if suffix in _SI:
        return "SI", 10, _SI[suffix]
    if suffix in _BINARY:
        return "binary", 2, _BINARY[suffix]
    if re.fullmatch(r"[eE][+-]?\d{1,9}", suffix):
        exponent = int(suffix[1:])
        if abs(exponent) <= _MAX_EXPONENT:
            return "exponent", 10, exponent
    raise QuantityError(_SUFFIX_ERROR)


def _nanos(digits: int, places: int, base: int, exponent: int) -> int:
    numerator: int = digits * _NANO
    denominator: int = 10**places
    if exponent >= 0:
        numerator *= base**exponent
    else:
        denominator *= base**-exponent
    return -(-numerator // denominator)


def _is_usual(number: str, fraction: str, style: str, exponent: int, digits: int) -> bool:
    """Whether the text is kept: a small number in a form that looks like the written one."""
    if style == "binary":
        room = _MAX_BINARY_DIGITS - len(number) - int(exponent * 3 / 10) - 1
        return not fraction and room >= 0 and digits & 7 != 0
    scale = exponent - len(fraction)
    if len(number) + len(fraction) > _MAX_DIGITS or scale < -9:
        return False
    shifted = number + fraction
    return scale % 3 == 0 and not shifted.endswith("000") and shifted[0] != "0"


def _write(nanos: int, style: str) -> str:
    if nanos == 0:
        return "0"
    if style == "binary" and abs(nanos) >= 1024 * _NANO and nanos % _NANO == 0:
        return _write_binary(nanos // _NANO)
    mantissa, exponent = nanos, -9
    while mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    while exponent % 3 or (style != "exponent" and exponent > 18):
        mantissa, exponent = mantissa * 10, exponent - 1
    if style == "exponent":
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_SI_NAMES[exponent]}"


def _write_binary(value: int) -> str:
    exponent = 0
    while value % 1024 == 0 and exponent < 60:
        value, exponent = value // 1024, exponent + 10
    return f"{value}{_BINARY_NAMES.get(exponent, '')}"
