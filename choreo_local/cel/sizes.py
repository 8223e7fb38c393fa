"""How large a value is when it is written out, though its parts may be shared many times over."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.values import Optional

# Parts of the largest result; much more than any manifest has.
_MOST_PARTS = 2_000_000


def size(value: Any, known: dict[int, int] | None = None) -> int:
    """The number of scalars and containers in a value; ten characters count as one more.

    Each container is walked once, however often it occurs; `known` carries what was found out over
    several calls, as long as none of the values goes away.
    """
    sizes = {} if known is None else known
    pending = [value]
    while pending:
        node = pending[-1]
        if id(node) not in sizes:
            parts = _parts(node)
            unknown = [part for part in parts if id(part) not in sizes and _parts(part)]
            if unknown:
                pending.extend(unknown)
                continue
            sizes[id(node)] = _own(node) + sum(sizes.get(id(part)) or _own(part) for part in parts)
        pending.pop()
    return sizes[id(value)]


def check_size(value: Any) -> None:
    """Refuse a value that nobody could write out.

    Raises:
        EvaluationError: it has too many parts.
    """
    if size(value) > _MOST_PARTS:
        raise EvaluationError("operation cancelled: resulting value is too large")


def _own(value: Any) -> int:
    return 1 + len(value) // 10 if isinstance(value, str | bytes) else 1


def _parts(value: Any) -> list[Any]:
    """The containers and other values right inside a value."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, Optional) and value.present:
        return [value.value]
    return []
