"""The limits of numbers, with the peculiarities of kube-apiserver.

Limits of integers lose their fraction, and the factor of a multiple may not come out as zero.
"""

from __future__ import annotations

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.schema.findings import Place, Result
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.problems import Code, Problem

_INT_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
# Beyond this a float does not tell neighbouring integers apart.
_LARGEST_EXACT = 2**53 - 1
_ROUNDING = 1e-9
_INT64 = (-(2**63), 2**63 - 1)


def check(schema: Structural, value: float, at: Place) -> Result:
    result = Result()
    result.add(_out_of_range(schema, value, at))
    if schema.multiple_of is not None:
        result.add(_not_multiple(schema.multiple_of, value, at.path))
    if schema.maximum is not None:
        result.add(_above(schema.maximum, value, at.path, exclusive=schema.exclusive_maximum))
    if schema.minimum is not None:
        result.add(_below(schema.minimum, value, at.path, exclusive=schema.exclusive_minimum))
    result.matches += 1
    return result


def _out_of_range(schema: Structural, value: float, at: Place) -> list[Problem]:
    """An integer type cannot hold the value; upstream reports this without a path."""
    if schema.type != "integer":
        return []
    form, path = at.format(schema), at.path
    low, high = _INT_RANGES.get(form, _INT64)
    if float(value).is_integer() and low <= value <= high:
        return []
    kind = f"with format {form}" if form else "(default format)"
    sentence = f"Checked value must be of type integer {kind} in {path}"
    return [Problem(Code.OTHER, path, "", "", sentence=sentence, located=False)]


def _not_multiple(factor: float, value: float, path: str) -> list[Problem]:
    if isinstance(value, int):
        factor = int(factor)
    if factor <= 0:
        text = f"factor MultipleOf declared for {path} must be positive: {gotext.number(factor)}"
        return [Problem(Code.OTHER, path, "", factor, sentence=text)]
    quotient = 1 / factor * value if factor < 1 else value / factor
    exact = value % factor == 0 if isinstance(value, int) else is_whole(quotient)
    if exact:
        return []
    return [Problem(Code.OTHER, path, f"should be a multiple of {gotext.number(factor)}", value)]


def is_whole(value: float) -> bool:
    """Whether a float stands for an integer: within what JSON can hold exactly, up to rounding."""
    if not abs(value) <= _LARGEST_EXACT:
        return False
    difference = abs(value - round(value))
    return difference == 0 or difference / (2 * abs(value)) < _ROUNDING


def _above(limit: float, value: float, path: str, *, exclusive: bool) -> list[Problem]:
    if isinstance(value, int):
        limit = int(limit)
    if not (value >= limit if exclusive else value > limit):
        return []
    words = "less than" if exclusive else "less than or equal to"
    return [Problem(Code.OTHER, path, f"should be {words} {gotext.number(limit)}", value)]


def _below(limit: float, value: float, path: str, *, exclusive: bool) -> list[Problem]:
    if isinstance(value, int):
        limit = int(limit)
    if not (value <= limit if exclusive else value < limit):
        return []
    words = "greater than" if exclusive else "greater than or equal to"
    return [Problem(Code.OTHER, path, f"should be {words} {gotext.number(limit)}", value)]
