"""Numbers as text, the way Go prints them."""

from __future__ import annotations

import math


def short_double_text(value: float) -> str:
    """The shortest text that reads back as the number; exponents from 1e+06 and below 1e-04."""
    if not math.isfinite(value):
        return _special(value)
    digits, exponent, sign = _digits(value)
    if -5 < exponent < 6:
        return sign + _positional(digits, exponent)
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def plain_double_text(value: float) -> str:
    """All digits and no exponent."""
    if not math.isfinite(value):
        return _special(value)
    digits, exponent, sign = _digits(value)
    return sign + _positional(digits, exponent)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def _digits(value: float) -> tuple[str, int, str]:
    """The significant digits, the exponent of the first one, and the sign."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0:
        return "0", 0, sign
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    place = len(whole) - 1 + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    place -= len(digits) - len(stripped)
    return stripped.rstrip("0") or "0", place, sign


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits + "0" * (exponent + 1 - len(digits))
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"
