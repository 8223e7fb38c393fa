"""What a control loop decides, as a value: writes to make and events to record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """An event to record about an object; `warning` makes its type Warning instead of Normal."""

    about: Manifest
    reason: str
    message: str
    warning: bool = False


class Verb(StrEnum):
    """What to do with an object."""

    CREATE = "create"
    UPDATE = "update"
    UPDATE_STATUS = "update status"
    PATCH = "patch"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Write:
    """One write.

    Attributes:
        obj: the object as it shall be; for DELETE and PATCH, the object meant.
        patch: the merge patch of a PATCH.
        notes: recorded when the write has succeeded.
    """

    verb: Verb
    kind: ResourceKind
    obj: Manifest
    notes: tuple[Note, ...] = ()
    patch: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of one look at an object.

    Attributes:
        writes: to carry out in this order; the first failure ends the pass.
        notes: events that do not depend on a write.
        look_again: seconds after which to look again even if nothing happens.
    """

    writes: tuple[Write, ...] = ()
    notes: tuple[Note, ...] = ()
    look_again: float | None = None


def create(kind: ResourceKind, obj: Manifest, *notes: Note) -> Write:
    """Create `obj`."""
    return Write(Verb.CREATE, kind, obj, notes)


def update(kind: ResourceKind, obj: Manifest, *notes: Note) -> Write:
    """Replace everything but the status."""
    return Write(Verb.UPDATE, kind, obj, notes)


def update_status(kind: ResourceKind, obj: Manifest) -> Write:
    """Replace the status (and what else the status strategy of the kind takes)."""
    return Write(Verb.UPDATE_STATUS, kind, obj)


def patch(kind: ResourceKind, obj: Manifest, change: Mapping[str, Any]) -> Write:
    """Merge `change` into `obj`."""
    return Write(Verb.PATCH, kind, obj, patch=change)


def delete(kind: ResourceKind, obj: Manifest, *notes: Note) -> Write:
    """Delete exactly this object (its uid is a precondition)."""
    return Write(Verb.DELETE, kind, obj, notes)


def soonest(*seconds: float | None) -> float | None:
    """The smallest of some waiting times, None meaning never."""
    return min((each for each in seconds if each is not None), default=None)
