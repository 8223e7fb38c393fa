"""From the result of an expression to a value of the rendered tree; pure.

Used by `template` alone. Results may share parts with the variables, so containers are copied:
patches change rendered manifests in place.
"""

from __future__ import annotations

from typing import Any

from choreo_local.cel.values import BoolKey, Duration, Optional, Timestamp, TypeValue

from . import printing
from .errors import RenderError
from .values import MAX_DEPTH, NULL, OMIT, JsonArray, JsonObject, Omit


def native(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A CEL value as a value of the rendered tree; omitted elements and entries are gone.

    Raises:
        RenderError: the value is nested too deep.
    """
    kind = type(value)
    if kind is str or kind is bool or kind is float or kind is int:
        return value
    if value is None:
        return NULL
    if depth <= 0:
        raise RenderError(f"value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        items = (_member(item, value, depth) for item in value)
        return [item for item in items if item is not OMIT]
    if isinstance(value, dict):
        entries = ((_key(key), _member(item, value, depth)) for key, item in value.items())
        return {key: item for key, item in entries if item is not OMIT}
    return _scalar(value, depth)


def _member(member: Any, container: Any, depth: int) -> Any:
    # A null that was in the JSON data stays null; one that the expression put there does not.
    if member is None and isinstance(container, JsonObject | JsonArray):
        return None
    return native(member, depth - 1)


def _scalar(value: Any, depth: int) -> Any:
    if isinstance(value, Optional):
        return native(value.value, depth - 1) if value.present else None
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, TypeValue):
        return OMIT if value.name == Omit.cel_type else value.name
    if isinstance(value, Timestamp):
        return str(value)
    return value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, BoolKey):
        return printing.plain_text(key.value)
    return printing.plain_text(key)
