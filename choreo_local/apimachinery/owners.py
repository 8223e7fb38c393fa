"""Owner references: who an object belongs to, for controllers and the garbage collector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def reference(owner: Mapping[str, Any], *, block_deletion: bool = False) -> dict[str, Any]:
    """A plain reference to an object; garbage collection follows it, no controller claims it."""
    metadata = owner["metadata"]
    found: dict[str, Any] = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    if block_deletion:
        found["blockOwnerDeletion"] = True
    return found


def controller_reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """The reference of the one controller of an object; it holds up foreground deletion."""
    return {**reference(owner, block_deletion=True), "controller": True}


def references(obj: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The owner references of an object."""
    return (obj.get("metadata") or {}).get("ownerReferences") or ()


def controller(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reference to the controller of an object, if it has one."""
    return next((entry for entry in references(obj) if entry.get("controller")), None)


def is_controlled_by(obj: Mapping[str, Any], uid: str) -> bool:
    """Whether the object with this uid is the controller of `obj`."""
    found = controller(obj)
    return found is not None and found.get("uid") == uid


def is_owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    """Whether the object with this uid is among the owners of `obj`."""
    return any(entry.get("uid") == uid for entry in references(obj))


def with_reference(
    current: Sequence[Mapping[str, Any]], added: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The references with one added, or replaced where the same owner is already there."""
    kept = [dict(entry) for entry in current]
    for index, entry in enumerate(kept):
        if entry.get("uid") == added.get("uid"):
            kept[index] = dict(added)
            return kept
    return [*kept, dict(added)]


def without_owner(current: Sequence[Mapping[str, Any]], uid: str) -> list[dict[str, Any]]:
    """The references without those to one owner."""
    return [dict(entry) for entry in current if entry.get("uid") != uid]
