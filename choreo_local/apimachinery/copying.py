"""Copies of JSON values; several times faster than `copy.deepcopy`, which knows no JSON."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson

T = TypeVar("T")


def deep_copy(value: T) -> T:
    """A copy that shares no dict and no list with the original."""
    if type(value) is not dict and type(value) is not list:
        return value
    try:
        copied: T = orjson.loads(orjson.dumps(value))
    except TypeError:
        # Integers beyond 64 bits and lone surrogates are JSON, but orjson refuses them.
        copied = _copy(value)
    return copied


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _copy(item) for key, item in value.items()}
    if kind is list:
        return [_copy(item) for item in value]
    return value
