"""Which part of a stored object a part of its replacement corresponds to."""

from __future__ import annotations

from typing import Any, Final

from choreo_local.apimachinery.schema.node import Structural

# The part has no counterpart; None would be a null.
ABSENT: Final[Any] = object()


def member_before(old: Any, name: str) -> Any:
    """The old value of a field."""
    return old.get(name, ABSENT) if isinstance(old, dict) else ABSENT


def item_before(schema: Structural, old: Any, item: Any) -> Any:
    """The old item of a list with the same keys; other lists' items cannot be told apart."""
    if schema.list_type != "map" or not isinstance(old, list) or not isinstance(item, dict):
        return ABSENT
    keys = schema.list_map_keys
    for candidate in old:
        if isinstance(candidate, dict) and all(candidate.get(key) == item.get(key) for key in keys):
            return candidate
    return ABSENT
