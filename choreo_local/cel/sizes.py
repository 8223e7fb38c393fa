"""How large a value is when it is written out, though its parts may be shared many times over."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.values import Optional

# Parts of the largest result; much more than any manifest has.
_MOST_PARTS = 2_000_000


def check_size(value: Any) -> None:
    """Refuse a value that nobody could write out.

    Raises:
        EvaluationError: it has too many parts.
    """
    sizes: dict[int, int] = {}
    pending = [value]
    while pending:
        node = pending[-1]
        parts = _parts(node)
        unknown = [part for part in parts if id(part) not in sizes and _parts(part)]
        if unknown and id(node) not in sizes:
            pending.extend(unknown)
            continue
        pending.pop()
        size = 1 + sum(sizes.get(id(part), 1) for part in parts)
        if size > _MOST_PARTS:
            raise EvaluationError("operation cancelled: resulting value is too large")
        sizes[id(node)] = size


def _parts(value: Any) -> list[Any]:
    """The containers and other values right inside a value."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, Optional) and value.present:
        return [value.value]
    return []
