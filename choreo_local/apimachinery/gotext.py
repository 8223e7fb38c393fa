"""How Go prints values, for messages that other programs see.

kube-apiserver puts values into some messages with `%v` and `%#v`.
"""

from __future__ import annotations

import math
from typing import Any

from choreo_local.apimachinery.fielderrors import quote


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
    magnitude = abs(value)
    if value == 0 or 1e-4 <= magnitude < 1e21:
        digits = repr(value)
        text = digits if "e" not in digits else f"{value:f}".rstrip("0")
        return text.removesuffix(".0").removesuffix(".")
    mantissa, _, exponent = f"{value!r}e0".partition("e")
    if "e" not in repr(value):
        mantissa, _, exponent = f"{value:e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    sign, digits = exponent[0], exponent.lstrip("+-").removesuffix("e0")
    return f"{mantissa.removesuffix('.0')}e{sign if sign in '+-' else '+'}{digits.zfill(2)}"
