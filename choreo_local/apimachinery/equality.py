"""Equality of JSON values."""

from __future__ import annotations

from typing import Any


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON; 1 equals 1.0, but neither equals true."""
    if type(left) is dict and type(right) is dict:
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if type(left) is list and type(right) is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if type(left) is bool or type(right) is bool:
        return left is right
    return bool(left == right)
