"""What a reconcile asks for.

A reconcile returns an `Outcome` and touches nothing. `controllers.runtime` carries it out, so that
conflicts, back-off, events and "nothing changed, nothing written" are solved once, for every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from choreo_local.apimachinery import gvk
from choreo_local.controllers import identity
from choreo_local.errors import ChoreoError

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`; the runtime adds the generation and the transition time."""

    type: str
    status: bool | None  # None is Unknown
    reason: str
    message: str = ""


def met(condition_type: str, reason: str, message: str = "") -> Condition:
    """A condition that is true."""
    return Condition(condition_type, status=True, reason=reason, message=message)


def unmet(condition_type: str, reason: str, message: str = "") -> Condition:
    """A condition that is false."""
    return Condition(condition_type, status=False, reason=reason, message=message)


def unknown(condition_type: str, reason: str, message: str = "") -> Condition:
    """A condition that cannot be told."""
    return Condition(condition_type, status=None, reason=reason, message=message)


def summary(parts: Sequence[Condition], all_met: Condition) -> Condition:
    """`all_met`, or the same type with the reason of the first part that is not true."""
    first = next((part for part in parts if part.status is not True), None)
    return all_met if first is None else unmet(all_met.type, first.reason, first.message)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the object, for its user; past tense, with the value."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Names an object of any kind; with `uid`, that very object and no later one of its name."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""

    @classmethod
    def to(cls, obj: Manifest) -> Reference:
        """Names that very object."""
        metadata = obj["metadata"]
        return cls(
            api_version=obj["apiVersion"],
            kind=obj["kind"],
            name=metadata["name"],
            namespace=metadata.get("namespace") or "",
            uid=metadata["uid"],
        )

    @property
    def key(self) -> identity.ObjectKey:
        """What stays the same while the object lives."""
        group, _ = gvk.split_api_version(self.api_version)
        return group, self.kind, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class PlaneReference:
    """Names a plane: its kind, e.g. ClusterDataPlane, and the id under which it is reached.

    Attributes:
        resource: the key of the object that speaks of it; agents serve only those that trust them.
    """

    kind: str
    plane_id: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class PlaneWork:
    """Writes on another plane, in order: create, apply one (id, manifest) after another, delete.

    Attributes:
        create: manifests of objects that are left alone where they exist.
    """

    plane: PlaneReference
    field_manager: str
    create: tuple[Manifest, ...] = ()
    apply: tuple[tuple[str, Manifest], ...] = ()
    delete: tuple[Reference, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.apply or self.delete)


@dataclass(frozen=True, slots=True)
class RuleWork:
    """An alert rule to keep at the Observer API, or to delete there when there is no `payload`."""

    source: str
    name: str
    payload: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The wanted state of the world after one pass.

    Attributes:
        add_finalizer: must be on the object before anything else is done.
        remove_finalizer: the object may go, once everything else is done.
        on_plane: writes on another plane, before those on the control plane.
        on_observer: a write to the Observer API, before those on the control plane.
        apply: manifests for server-side apply on the control plane, in this order.
        create: manifests to create unless an object of the name exists.
        delete: objects to delete on the control plane; missing ones are fine.
        on_done: what to ask for instead of `status` and `conditions`, given what the applies of
            `on_plane` answered, or what `on_observer` did.
        on_error: what to ask for instead of `status` and `conditions` when one of the writes before
            them failed; without it they stay unwritten. Either way the
            pass is retried with back-off.
        status: fields below `status` to set, None removes; fields not named stay as they are.
        conditions: the conditions that this controller owns; others are not touched.
        remove_conditions: types of conditions that no longer apply.
        events: what happened in this pass.
        requeue_after: look again then even if nothing happens; None waits for the next event.
        failed: the pass met an error: look again with growing delays. Says what failed.
    """

    add_finalizer: str = ""
    remove_finalizer: str = ""
    on_plane: PlaneWork | None = None
    on_observer: RuleWork | None = None
    apply: tuple[Manifest, ...] = ()
    create: tuple[Manifest, ...] = ()
    delete: tuple[Reference, ...] = ()
    on_done: Callable[[Sequence[dict[str, Any]]], Outcome] | None = None
    on_error: Callable[[ChoreoError], Outcome] | None = None
    status: Manifest = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    remove_conditions: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    requeue_after: timedelta | None = None
    failed: str = ""
