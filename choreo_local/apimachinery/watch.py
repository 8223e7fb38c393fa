"""The events of a watch, as the kube API sends and clients read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class EventType(StrEnum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch; the object of an ERROR is a Status."""

    type: EventType
    object: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As sent over the wire."""
        return {"type": str(self.type), "object": self.object}


def from_dict(raw: Mapping[str, Any]) -> Event:
    """Read an event; ValueError for a type that does not exist."""
    return Event(EventType(raw["type"]), raw["object"])


def bookmark(
    api_version: str, kind: str, resource_version: str, *, initial_events_end: bool = False
) -> Event:
    """Says how far a watch has come; `initial_events_end` closes the list part of a watch."""
    metadata: dict[str, Any] = {"resourceVersion": resource_version, "creationTimestamp": None}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    obj = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return Event(EventType.BOOKMARK, obj)


def transition(*, before: bool, after: bool, kind: EventType) -> EventType | None:
    """The event that a filtered watch sees, or None.

    Args:
        before: whether the object matched the selector before the change.
        after: whether it matches now.
        kind: what happened to the object itself.
    """
    if kind is EventType.DELETED:
        return EventType.DELETED if before or after else None
    if after:
        return EventType.MODIFIED if before else EventType.ADDED
    return EventType.DELETED if before else None
