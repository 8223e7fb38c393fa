"""How Go prints values, for messages that other programs see.

kube-apiserver puts values into messages with `%q`, `%v`, `%#v` and as JSON.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SHORT_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    '"': r"\"",
    "\\": r"\\",
}
_HTML = re.compile("[<>&\u2028\u2029]")


def quote(text: str) -> str:
    """As `%q`: in double quotes, with what cannot be printed escaped."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(character: str) -> str:
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def to_json(value: Any) -> str:
    """As Go's JSON: compact, fit to stand in HTML; the order of members is kept."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _HTML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(value: Any) -> str:
    """As `%v`: maps with sorted keys, lists in brackets, texts bare."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case dict():
            entries = (f"{key}:{plain(value[key])}" for key in sorted(value))
            return f"map[{' '.join(entries)}]"
        case list():
            return f"[{' '.join(map(plain, value))}]"
        case int() | float():
            return number(value)
        case _:
            return str(value)


def literal(value: Any) -> str:
    """As `%#v`: the value as it would stand in a program."""
    match value:
        case None:
            return "interface {}(nil)"
        case str():
            return quote(value)
        case dict():
            entries = (f"{quote(key)}:{literal(value[key])}" for key in sorted(value))
            return f"map[string]interface {{}}{{{', '.join(entries)}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(literal, value))}}}"
        case _:
            return plain(value)


def type_name(value: Any) -> str:
    """As `%T`: the Go type that a JSON value has."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int64"
        case float():
            return "float64"
        case list():
            return "[]interface {}"
        case _:
            return "map[string]interface {}"


def number(value: float) -> str:
    """A number as `%v`: the shortest text, with an exponent below 1e-4 and from 1e21."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = repr(value).partition("e")
    power = _power(mantissa) + int(exponent or 0)
    digits = mantissa.lstrip("-").replace(".", "").strip("0") or "0"
    sign = "-" if mantissa.startswith("-") else ""
    if value == 0 or -5 < power < 21:
        return sign + _positional(digits, power)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{power:+03d}"


def _power(mantissa: str) -> int:
    """The power of ten of the first digit that is not zero."""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    if whole.strip("0"):
        return len(whole.lstrip("0")) - 1
    return -1 - (len(fraction) - len(fraction.lstrip("0")))


def _positional(digits: str, power: int) -> str:
    if digits == "0":
        return "0"
    if power < 0:
        return f"0.{'0' * (-power - 1)}{digits}"
    whole = digits[: power + 1].ljust(power + 1, "0")
    rest = digits[power + 1 :]
    return f"{whole}.{rest}" if rest else whole
