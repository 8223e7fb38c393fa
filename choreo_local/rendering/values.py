"""The values that templates compute with, between JSON and CEL.

Every number that comes from JSON is a double in an expression (reference: the Go decoder upstream
uses knows no other), while a literal `80` in an expression is an int. Both survive until the
resource hash is taken; then `as_manifest` writes integral doubles as JSON integers.

`JsonObject` and `JsonArray` mark containers of JSON that hold a null: it stays one, while a null
that an expression made is emitted as 0, as upstream does.
"""

from __future__ import annotations

import base64
import math
from typing import Any, ClassVar

from .errors import RenderError

# Deeper than any manifest; with what expressions add, far from the recursion limit of Python.
MAX_DEPTH = 64

# Below this, Go's JSON encoder writes an integral double without an exponent.
_INTEGRAL_LIMIT = 1e21


class JsonObject(dict[str, Any]):
    """An object that came from JSON, not out of an expression, and holds a null."""

    __slots__ = ()


class JsonArray(list[Any]):
    """A list that came from JSON, not out of an expression, and holds a null."""

    __slots__ = ()


class NullValue(int):
    """What becomes of a null that is a CEL value: upstream encodes its enum, which is 0."""

    __slots__ = ()


class Omit:
    """What `oc_omit()` leaves in a value until the entry that holds it is dropped."""

    __slots__ = ()
    cel_type: ClassVar[str] = "omit"

    def __repr__(self) -> str:
        return "oc_omit()"


OMIT = Omit()
NULL = NullValue(0)


def as_context(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A copy of a JSON value in which every number is a double.

    Raises:
        RenderError: the value is nested deeper than any manifest needs to be.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is float:
        return value
    if kind is int:
        return float(value)
    if depth <= 0:
        raise RenderError(f"value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        members = {str(k): as_context(v, depth - 1) for k, v in value.items()}
        return JsonObject(members) if None in members.values() else members
    if isinstance(value, list | tuple):
        items = [as_context(v, depth - 1) for v in value]
        return JsonArray(items) if None in items else items
    return value


def as_manifest(value: Any) -> Any:
    """A copy of a rendered value as plain JSON: integral doubles become integers.

    Raises:
        RenderError: a number has no JSON form.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is int:
        return value
    if kind is float:
        return _json_number(value)
    if isinstance(value, dict):
        return {k: as_manifest(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_manifest(v) for v in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    # What has no JSON form of its own is an object without fields, like the omit sentinel.
    return {}


def members(value: Any) -> dict[str, Any]:
    """An object's members; nothing of what is no object, as rendered trees may hold anything."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list's items; nothing of what is no list."""
    return value if isinstance(value, list) else []


def copied(value: Any) -> Any:
    """A deep copy that keeps number kinds; containers become plain ones."""
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list):
        return [copied(v) for v in value]
    return value


def without_omitted(value: Any) -> Any:
    """A copy in which no map entry and no list element is the omit sentinel."""
    if isinstance(value, dict):
        return {k: without_omitted(v) for k, v in value.items() if v is not OMIT}
    if isinstance(value, list):
        return [without_omitted(v) for v in value if v is not OMIT]
    return value


def _json_number(value: float) -> int | float:
    if not math.isfinite(value):
        text = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        raise RenderError(f"json: unsupported value: {text}")
    return int(value) if value.is_integer() and abs(value) < _INTEGRAL_LIMIT else value
