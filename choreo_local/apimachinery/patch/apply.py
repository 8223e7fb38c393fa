"""Server-side apply, and the tracking of all other writes.

`merge_apply` is for PATCH with an apply configuration, `track_update` for every other write: both
keep `metadata.managedFields` true. Objects passed in stay as they are, except for the
`managedFields` of the `new` object of `track_update`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.patch import (
    atoms,
    comparing,
    fieldset,
    last_applied,
    managed_fields,
    merging,
    reconciling,
    typechecking,
)
from choreo_local.apimachinery.patch.atoms import Atom
from choreo_local.apimachinery.patch.comparing import Changes
from choreo_local.apimachinery.patch.fieldset import FieldSet
from choreo_local.apimachinery.patch.managed_fields import APPLY, UPDATE, Manager, Managers
from choreo_local.apimachinery.patch.ownership import Conflicts, release
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.unstructured import gvk
from choreo_local.errors import BadRequestError, InternalError

Object = dict[str, Any]

# Who is said to own what an object held before anybody applied it.
BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass(frozen=True, slots=True)
class _Write:
    """What is the same for all steps of one write."""

    atom: Atom
    us: Manager
    now: str
    reset: FieldSet

    def owned(self, fields: FieldSet) -> FieldSet:
        """The fields that a manager may own at all."""
        owned = fieldset.difference(fields, managed_fields.UNOWNED)
        return fieldset.recursive_difference(owned, self.reset) if self.reset else owned

    def compare(self, old: Object, new: Object) -> Changes:
        """The differences, without fields that cannot be changed here."""
        changes = comparing.compare(self.atom, old, new)
        if not self.reset:
            return changes
        return Changes(*(fieldset.recursive_difference(part, self.reset) for part in changes))


def merge_apply(
    *,
    live: Object | None,
    applied: Object,
    schema: Structural | None,
    manager: str,
    api_version: str,
    force: bool,
    now: str,
    subresource: str = "",
    reset: FieldSet | None = None,
    empty: Object | None = None,
) -> Object:
    """The object after a server-side apply, with its `managedFields`.

    Args:
        live: the stored object in the version of the request; None creates it.
        applied: the configuration, as decoded from the request.
        schema: of the kind; None where anything is accepted.
        manager: the field manager of the request.
        api_version: of the request, e.g. `apps/v1`.
        force: take fields over from other managers.
        now: the time to note, as `clock.timestamp` writes it.
        subresource: where the request went, or empty.
        reset: fields that writes here cannot change, and so nobody owns (e.g. `status`).
        empty: the zero value of the kind; what it holds is never owned for being there.

    Raises:
        ConflictError: others own fields that this changes; the causes name them.
        InternalError: the configuration does not fit the schema.
    """
    us = Manager(manager, APPLY, api_version, {}, subresource)
    write = _Write(atoms.of_object(schema), us, now, reset or {})
    _check_applied(write.atom, applied)
    base = _bare(live or {})
    managers = reconciling.reconcile(write.atom, _known(write, live, base, empty or {}))
    try:
        merged, managers = _apply(write, base, applied, managers, force=force)
    except Conflicts as conflicts:
        if manager != last_applied.KUBECTL:
            raise conflicts.to_error() from None
        remaining = conflicts.without(last_applied.owned_fields(write.atom, base))
        if remaining:
            raise remaining.to_error() from None
        merged, managers = _apply(write, base, applied, managers, force=True)
    if merged is not base and us.id in managers:
        managers[us.id] = replace(managers[us.id], time=now)
    result = deep_copy(merged)
    if manager == last_applied.KUBECTL:
        last_applied.refresh(result, applied)
    managed_fields.store(result, managed_fields.cap(managers))
    return result


def track_update(
    *,
    old: Object | None,
    new: Object,
    schema: Structural | None,
    manager: str,
    api_version: str,
    now: str,
    subresource: str = "",
    reset: FieldSet | None = None,
) -> None:
    """Write the `managedFields` of a created, replaced or patched object into `new`.

    Args:
        old: the stored object; for a new one the zero value of its kind, or None.
        new: the object to be stored, defaulted and complete.
        schema: of the kind; None where anything is accepted.
        manager: the field manager of the request.
        api_version: of the request.
        now: the time to note.
        subresource: where the request went, or empty.
        reset: fields that writes here cannot change, and so nobody owns.
    """
    us = Manager(manager, UPDATE, api_version, {}, subresource)
    write = _Write(atoms.of_object(schema), us, now, reset or {})
    before, after = _bare(old or {}), _bare(new)
    managers = _given(old or {}, new, is_subresource=bool(subresource))
    if managers or not before.get("metadata", {}).get("uid"):
        managers = reconciling.reconcile(write.atom, managers)
        managers = _update(write, before, after, managers)
    managed_fields.store(new, managed_fields.cap(managers))


def _check_applied(atom: Atom, applied: Object) -> None:
    metadata = applied.get("metadata") or {}
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise BadRequestError("metadata.managedFields must be nil")
    problems = typechecking.problems(atom, applied)
    if problems:
        named = metadata if isinstance(metadata, dict) else {}
        who = f"{named.get('namespace', '')}/{named.get('name', '')}; {gvk(applied)}"
        raise InternalError(f"failed to create typed patch object ({who}): {problems}", reason="")


def _bare(obj: Object) -> Object:
    """The object without its managers, who own nothing of themselves."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    rest = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**obj, "metadata": rest}


def _known(write: _Write, live: Object | None, base: Object, empty: Object) -> Managers:
    """The managers of the live object; an object without any belongs to one from the past."""
    entries = (live or {}).get("metadata", {}).get("managedFields")
    if entries or live is None:
        return managed_fields.decode(entries or (), trusted=True)
    past = Manager(BEFORE_FIRST_APPLY, UPDATE, write.us.api_version, {})
    return _update(replace(write, us=past), empty, base, {})


def _given(old: Object, new: Object, *, is_subresource: bool) -> Managers:
    """The managers that a client sends back, or those of the stored object."""
    stored = old.get("metadata", {}).get("managedFields") or ()
    sent = new.get("metadata", {}).get("managedFields") or ()
    if is_subresource or not sent or sent == stored:
        # A reset arrives as one empty entry, so nothing sent means nothing said.
        return managed_fields.decode(stored, trusted=True)
    if managed_fields.is_reset(sent):
        return {}
    try:
        return managed_fields.decode(sent)
    except ValueError:
        return managed_fields.decode(stored, trusted=True)


def _update(write: _Write, old: Object, new: Object, managers: Managers) -> Managers:
    changes = write.compare(old, new)
    # Our own earlier entry is released like any other, and gets the fields back.
    managers = release(managers, Manager("", "", "", {}).id, changes, force=True)
    fields = write.owned(changes.changed)
    if fields:
        mine = managers.get(write.us.id, write.us)
        fields = fieldset.union(mine.fields, fields)
        managers[write.us.id] = replace(mine, fields=fields, time=write.now)
    return managers


def _apply(
    write: _Write, live: Object, applied: Object, managers: Managers, *, force: bool
) -> tuple[Object, Managers]:
    """The merged object and its managers; the live object itself when nothing changed."""
    merged = merging.merge(write.atom, live, applied)
    gone: FieldSet = {}
    last = managers.get(write.us.id)
    fields = write.owned(comparing.field_set(write.atom, applied))
    ours = replace(write.us, fields=fields, time=last.time if last else None)
    managers = {**managers, ours.id: ours}
    if last is not None:
        gone = _orphans(write.atom, merged, managers, last.fields, fields)
        merged = merging.remove(write.atom, merged, gone) or {}
    changes = write.compare(live, merged)
    managers = release(managers, ours.id, changes, force=force)
    merged = merging.drop_nulls(write.atom, merged, gone)
    return (live if comparing.same(write.atom, live, merged) else merged), managers


def _orphans(
    atom: Atom, merged: Object, managers: Managers, last: FieldSet, fields: FieldSet
) -> FieldSet:
    """What we applied last time, do not apply now, and nobody else owns."""
    if not fieldset.difference(last, fields):
        return {}
    last = _with_named(atom, last)
    present = _with_named(atom, comparing.field_set(atom, merged))
    owned: FieldSet = {}
    for manager in managers.values():
        owned = fieldset.union(owned, manager.fields)
    kept = fieldset.recursive_difference(present, last)
    unowned = fieldset.difference(present, fieldset.union(kept, _with_named(atom, owned)))
    kept = fieldset.recursive_difference(present, unowned)
    return fieldset.intersection(fieldset.difference(present, kept), last)


def _with_named(atom: Atom, fields: FieldSet) -> FieldSet:
    """The set with every declared field that has members below as a member itself.

    So a struct goes when the last of its fields goes.
    """
    named: FieldSet = {}
    for element, node in fields.items():
        if element == "." or not node:
            named[element] = node
            continue
        child, declared = atoms.below(atom, element)
        below = _with_named(child, node)
        named[element] = {".": {}, **below} if declared else below
    return named
