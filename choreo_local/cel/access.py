"""Fields, keys and indexes of values, with and without the demand that they exist."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.values import NONE, BoolKey, Optional, Uint, shown, type_name


class _Missing:
    """The mark for what is not there."""

    __slots__ = ()


MISSING = _Missing()


def no_such_key(key: Any) -> EvaluationError:
    """A map or an object lacks a key."""
    return EvaluationError(f"no such key: {shown(key)}")


def index(value: Any, key: Any) -> Any:
    """`value[key]` and `value.key`; on an optional the result is optional."""
    if type(value) is Optional:
        return optional_index(value, key)
    found = find(value, key)
    if found is MISSING:
        if isinstance(value, list):
            raise EvaluationError(f"index out of bounds: {shown(key)}")
        raise no_such_key(key)
    return found


def optional_index(value: Any, key: Any) -> Any:
    """`value[?key]` and `value.?key`."""
    if type(value) is Optional:
        if not value.present:
            return NONE
        value = value.value
    found = find(value, key)
    return NONE if found is MISSING else optional(found)


def strict_optional_index(value: Any, key: Any) -> Any:
    """The same, but it is an error when the value is nothing that could hold a key."""
    if type(value) is Optional:
        if not value.present:
            return NONE
        value = value.value
    found = find(value, key)
    if found is MISSING and not isinstance(value, list | dict):
        raise no_such_key(key)
    return NONE if found is MISSING else optional(found)


def optional(value: Any) -> Optional:
    """A present optional; one that is optional already stays as it is."""
    return value if type(value) is Optional else Optional(value)


def has(value: Any, field: str) -> bool:
    """`has(value.field)`."""
    if type(value) is Optional:
        if not value.present:
            return False
        value = value.value
    return find(value, field) is not MISSING


def find(value: Any, key: Any) -> Any:
    """What a value holds at a key, or MISSING."""
    if isinstance(value, dict):
        if type(key) is bool:
            key = BoolKey(key)
        elif isinstance(key, list | dict):
            return MISSING
        return value.get(key, MISSING)
    if isinstance(value, list):
        place = _place(key)
        return value[place] if 0 <= place < len(value) else MISSING
    getter = getattr(value, "cel_field", None)
    return MISSING if getter is None else getter(key, MISSING)


def _place(key: Any) -> int:
    kind = type(key)
    if kind is int or kind is Uint:
        return int(key)
    if kind is float:
        if key.is_integer():
            return int(key)
        raise EvaluationError(f"unsupported index value {shown(key)} in list")
    raise EvaluationError(f"unsupported index type '{type_name(key)}' in list")
