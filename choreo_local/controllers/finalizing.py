"""How an object that goes takes along what was made for it; pure, for the decisions of all kinds.

Public: `DELETION_WAIT`, `after(obj, owned, …)`, `waiting(going, condition)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from choreo_local.controllers import references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, Reference

# Deletions are watched; this is for one whose event was lost.
DELETION_WAIT = timedelta(seconds=5)


def after(
    obj: Manifest, owned: Sequence[Manifest], *, finalizer: str, condition: Condition
) -> Outcome:
    """Delete what belongs to an object, and let the object go when nothing of it is left.

    The condition says that the object is going.
    """
    if finalizer not in references.finalizers(obj):
        return Outcome()
    if not owned:
        return Outcome(conditions=(condition,), remove_finalizer=finalizer)
    return waiting(owned, condition)


def waiting(going: Iterable[Manifest], condition: Condition) -> Outcome:
    """Delete objects and look again; those that are being deleted already are left alone."""
    return Outcome(
        delete=tuple(Reference.to(obj) for obj in going if not references.is_deleting(obj)),
        conditions=(condition,),
        requeue_after=DELETION_WAIT,
    )
