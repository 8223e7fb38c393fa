"""The semantic difference of two objects: what would change, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Operation(StrEnum):
    """How a field differs."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; `path` is written as in validation messages."""

    path: str
    operation: Operation
    old: Any = None
    new: Any = None


# What the server writes on every change, and so says nothing about intent.
SERVER_FIELDS = frozenset(
    {
        "metadata.creationTimestamp",
        "metadata.generation",
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.selfLink",
        "metadata.uid",
    }
)


def compare(old: Any, new: Any, *, ignore: frozenset[str] = SERVER_FIELDS) -> list[Difference]:
    """The differences, in the order of the fields; null and absent are the same."""
    return list(_compare(old, new, "", ignore))


def is_equal(old: Any, new: Any, *, ignore: frozenset[str] = SERVER_FIELDS) -> bool:
    """Whether nothing differs."""
    return next(_compare(old, new, "", ignore), None) is None


def _compare(old: Any, new: Any, path: str, ignore: frozenset[str]) -> Iterator[Difference]:
    if path in ignore or old is new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            below = f"{path}.{name}" if path else name
            yield from _compare(old.get(name), new.get(name), below, ignore)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _compare(before, after, f"{path}[{index}]", ignore)
    elif old is None:
        yield Difference(path, Operation.ADDED, None, new)
    elif new is None:
        yield Difference(path, Operation.REMOVED, old, None)
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        yield Difference(path, Operation.CHANGED, old, new)
