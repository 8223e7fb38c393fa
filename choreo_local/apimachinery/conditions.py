"""`metav1.Condition` lists: set, find, remove, summarise. Pure: the time comes from the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"

Condition = Mapping[str, Any]


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of a type."""
    return next((entry for entry in conditions if entry.get("type") == kind), None)


def status_of(conditions: Iterable[Condition], kind: str) -> str:
    """`True`, `False` or `Unknown`; a missing condition is `Unknown`."""
    found = find(conditions, kind)
    return UNKNOWN if found is None else str(found.get("status") or UNKNOWN)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether a condition is there and `True`."""
    return status_of(conditions, kind) == TRUE


def is_false(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether a condition is there and `False`."""
    return status_of(conditions, kind) == FALSE


def set_(conditions: Sequence[Condition], new: Condition, *, now: str) -> list[dict[str, Any]]:
    """The conditions with `new` added, or put in the place of the one of its type.

    `lastTransitionTime` changes with the status only; a time in `new` wins over `now`.
    """
    merged = [dict(entry) for entry in conditions]
    for index, entry in enumerate(merged):
        if entry.get("type") == new["type"]:
            merged[index] = _updated(entry, new, now)
            return merged
    return [*merged, _updated({}, new, now)]


def _updated(current: dict[str, Any], new: Condition, now: str) -> dict[str, Any]:
    time = new.get("lastTransitionTime") or now
    if current.get("status") == new["status"]:
        time = current.get("lastTransitionTime") or time
    updated = {**current, **new, "lastTransitionTime": time}
    return {"reason": "", "message": "", **updated}


def is_changed(conditions: Sequence[Condition], new: Condition) -> bool:
    """Whether `set_` would change anything but a time."""
    current = find(conditions, str(new["type"]))
    if current is None:
        return True
    fields = ("status", "reason", "message", "observedGeneration")
    return any(field in new and current.get(field) != new[field] for field in fields)


def remove(conditions: Iterable[Condition], kind: str) -> list[dict[str, Any]]:
    """The conditions without that of a type."""
    return [dict(entry) for entry in conditions if entry.get("type") != kind]


def summarise(conditions: Iterable[Condition]) -> str:
    """One status for several: `False` if any is, else `Unknown` if any is, else `True`."""
    found = {str(entry.get("status") or UNKNOWN) for entry in conditions}
    if FALSE in found:
        return FALSE
    return TRUE if found == {TRUE} else UNKNOWN
