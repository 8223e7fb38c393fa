"""Finalizers: what must happen before a deleted object may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def of(obj: Mapping[str, Any]) -> list[str]:
    """The finalizers of an object."""
    return list((obj.get("metadata") or {}).get("finalizers") or ())


def has(obj: Mapping[str, Any], finalizer: str) -> bool:
    """Whether the object waits for this finalizer."""
    return finalizer in of(obj)


def added(current: Sequence[str], finalizer: str) -> list[str]:
    """The finalizers with this one at the end, once."""
    return [*current] if finalizer in current else [*current, finalizer]


def dropped(current: Sequence[str], finalizer: str) -> list[str]:
    """The finalizers without this one."""
    return [entry for entry in current if entry != finalizer]


def is_deleting(obj: Mapping[str, Any]) -> bool:
    """Whether the deletion of the object is under way."""
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))
