"""Copies of JSON values; several times faster than `copy.deepcopy`, which knows no JSON."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def deep_copy(value: T) -> T:
    """A copy that shares no dict and no list with the original."""
    return _copy(value)  # type: ignore[no-any-return]  # a copy has the type of its original


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {
            key: _copy(item) if type(item) is dict or type(item) is list else item
            for key, item in value.items()
        }
    if kind is list:
        return [_copy(item) if type(item) is dict or type(item) is list else item for item in value]
    return value
