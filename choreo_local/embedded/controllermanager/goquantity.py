"""Resource quantities in canonical form, and as the Go type keeps them in memory. Pure."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Any

import re2

_PARTS = re2.compile(r"^([+-]?[0-9]{0,40}(?:\.[0-9]{0,40})?)([a-zA-Z]*)([+-]?[0-9]{0,3})$")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_EXPONENTS = {suffix: exponent for exponent, suffix in _DECIMAL.items()}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO = Decimal("1e-9")


def dump(value: Any) -> str:
    """The fields of a quantity; None stands for one that is not set."""
    if value is None:
        return _text(0, 0, "", "")
    found = _parsed(str(value))
    if found is None:
        return _text(0, 0, str(value), "DecimalSI")
    number, format_ = found
    if number == 0:
        return _text(0, 0, "0", "DecimalSI")
    if format_ == "BinarySI" and number == number.to_integral_value():
        return _binary(int(number))
    # A binary fraction cannot be written with binary suffixes.
    format_ = "DecimalSI" if format_ == "BinarySI" else format_
    digits, scale = _thousands(number)
    suffix = _DECIMAL[scale] if format_ == "DecimalSI" else (f"e{scale}" if scale else "")
    return _text(digits, scale, f"{digits}{suffix}", format_)


def _parsed(text: str) -> tuple[Decimal, str] | None:
    """The number, and the format in which it is written."""
    found = _PARTS.match(text)
    if found is None or not any(char.isdigit() for char in found.group(1)):
        return None
    number, suffix, exponent = Decimal(found.group(1)), found.group(2), found.group(3)
    if suffix in _BINARY[1:] and not exponent:
        return number * 1024 ** _BINARY.index(suffix), "BinarySI"
    if suffix in ("e", "E") and exponent:
        return number.scaleb(int(exponent)), "DecimalExponent"
    if suffix in _EXPONENTS and not exponent:
        return number.scaleb(_EXPONENTS[suffix]), "DecimalSI"
    return None


def _binary(number: int) -> str:
    digits, power = number, 0
    while digits % 1024 == 0 and power < len(_BINARY) - 1:
        digits, power = digits // 1024, power + 1
    # Go keeps the text of numbers that it sees at a glance to be canonical.
    text = f"{digits}{_BINARY[power]}" if digits & 0x07 else ""
    return _text(number, 0, text, "BinarySI")


def _thousands(number: Decimal) -> tuple[int, int]:
    """The number as digits times a power of thousand, as large as possible."""
    rounded = number.quantize(_NANO, rounding=ROUND_UP)
    digits, scale = int(rounded.scaleb(9)), -9
    while digits % 1000 == 0 and scale < 18:
        digits, scale = digits // 1000, scale + 3
    return digits, scale


def _text(number: int, scale: int, text: str, format_: str) -> str:
    return (
        f"{{i:(resource.int64Amount){{value:(int64){number} scale:(resource.Scale){scale}}} "
        f"d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){text} "
        f"Format:(resource.Format){format_}}}"
    )


def number(value: Any) -> Decimal:
    """The number that a quantity stands for; 0 for what cannot be read."""
    found = _parsed(str(value))
    return found[0] if found else Decimal(0)


def whole_bytes(value: Any) -> int:
    """A size in bytes, rounded up."""
    return int(number(value).to_integral_value(rounding=ROUND_UP))


def canonical(amount: Decimal, *, binary: bool = False) -> str:
    """An amount as the API server writes it, with binary suffixes if asked and possible."""
    if amount == 0:
        return "0"
    if binary and amount == amount.to_integral_value():
        whole, power = int(amount), 0
        while whole % 1024 == 0 and power < len(_BINARY) - 1:
            whole, power = whole // 1024, power + 1
        return f"{whole}{_BINARY[power]}"
    digits, scale = _thousands(amount)
    return f"{digits}{_DECIMAL[scale]}"


def is_binary(value: Any) -> bool:
    """Whether a quantity is written with a binary suffix."""
    found = _parsed(str(value))
    return found is not None and found[1] == "BinarySI"
