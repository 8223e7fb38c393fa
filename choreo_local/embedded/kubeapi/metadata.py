"""The rules of ObjectMeta: what the server fills in, keeps, and refuses. Pure but for uid and time.

Validation of names and labels of builtin kinds is `validation`'s; here is what holds for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.options import parse_revision
from choreo_local.errors import Cause

# A label may have 63 characters, of which the suffix takes five.
_GENERATED_BASE = 58
_ORPHAN = "orphan"
_FOREGROUND = "foregroundDeletion"
PROPAGATION = frozenset({_ORPHAN, _FOREGROUND})


def check_url(call: Call, obj: Manifest) -> None:
    """Name and namespace of an object agree with the URL; an absent namespace is filled in."""
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if call.name:
        if not name:
            metadata["name"] = call.name
        elif name != call.name:
            raise problems.bad_request(
                f"the name of the object ({name}) does not match the name on the URL ({call.name})"
            )
    _check_namespace(call, metadata)


def check_changed(call: Call, obj: Manifest) -> None:
    """Name and namespace of a changed object agree with the URL."""
    metadata = obj["metadata"]
    _check_namespace(call, metadata)
    name = metadata.get("name") or ""
    if not name:
        raise problems.bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be"
            " provided"
        )
    if name != call.name:
        raise problems.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )


def _check_namespace(call: Call, metadata: Manifest) -> None:
    if not call.collection.kind.namespaced:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = call.namespace
    elif metadata["namespace"] != call.namespace:
        raise problems.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def begin(metadata: Manifest) -> None:
    """Fill in what a new object gets."""
    metadata["uid"] = clock.new_uid()
    metadata["creationTimestamp"] = clock.timestamp()
    metadata.pop("deletionTimestamp", None)
    metadata.pop("deletionGracePeriodSeconds", None)
    metadata.pop("selfLink", None)


def generate_name(metadata: Manifest) -> bool:
    """Make a name from generateName when there is no name; says whether it did."""
    base = metadata.get("generateName")
    if metadata.get("name") or not base:
        return False
    metadata["name"] = base[:_GENERATED_BASE] + clock.random_suffix()
    return True


def carry_over(new: Manifest, old: Manifest) -> None:
    """Keep what an update cannot change; `new` and `old` are the metadata."""
    for field in ("uid", "deletionGracePeriodSeconds"):
        if field in old and not new.get(field):
            new[field] = old[field]
    for field in ("creationTimestamp", "deletionTimestamp"):
        if field in old:
            new[field] = old[field]
    set_generation(new, old.get("generation"))
    new.pop("selfLink", None)


def set_generation(new: Manifest, generation: int | None) -> None:
    """Set the generation of a metadata, or remove it."""
    if generation is None:
        new.pop("generation", None)
    else:
        new["generation"] = generation


def drop_duplicate_owners(call: Call, metadata: Manifest) -> None:
    """Keep one reference to each owner, with a warning."""
    owners = metadata.get("ownerReferences")
    if not owners or len(owners) < 2:
        return
    kept: list[Any] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(str(owner.get("uid", "")))
        else:
            kept.append(owner)
    if repeated:
        metadata["ownerReferences"] = kept
        call.warnings.append(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner"
            " references in 1.20+, and may reject such requests as early as 1.24; please fix your"
            f" requests; duplicate UID(s) observed: {', '.join(dict.fromkeys(repeated))}"
        )


def expected_revision(metadata: Manifest) -> int:
    """The revision that a writer expects, 0 for any; a plain 500 when it is not a number."""
    text = metadata.get("resourceVersion") or "0"
    try:
        return parse_revision(str(text))
    except ValueError as error:
        raise problems.plain_internal(str(error)) from None


def validate_update(new: Manifest, old: Manifest) -> list[Cause]:
    """What an update of metadata must not do."""
    causes: list[Cause] = []
    immutable = ("deletionTimestamp", "deletionGracePeriodSeconds", "uid")
    for field in immutable:
        if new.get(field) != old.get(field):
            value = new.get(field)
            causes.append(
                fielderrors.invalid_value(f"metadata.{field}", value, "field is immutable")
            )
    if old.get("deletionTimestamp"):
        causes += _check_new_finalizers(new.get("finalizers") or (), old.get("finalizers") or ())
    return causes


def _check_new_finalizers(new: Sequence[str], old: Sequence[str]) -> list[Cause]:
    added = sorted(set(new) - set(old))
    if not added:
        return []
    quoted = ", ".join(f'"{name}"' for name in added)
    detail = (
        "no new finalizers can be added if the object is being deleted, found new finalizers"
        f" []string{{{quoted}}}"
    )
    return [fielderrors.forbidden("metadata.finalizers", detail)]


def is_finished(obj: Manifest) -> bool:
    """Whether nothing holds back the removal of an object under deletion."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
    )


def propagation_finalizers(
    finalizers: Sequence[str], policy: str | None, *, orphan: bool | None
) -> list[str]:
    """The finalizers of an object that is deleted with a propagation policy."""
    if policy is None and orphan is None:
        return list(finalizers)
    orphaning = policy == "Orphan" or orphan is True
    foreground = policy == "Foreground"
    kept = [name for name in finalizers if name not in PROPAGATION]
    if orphaning:
        kept.append(_ORPHAN)
    if foreground:
        kept.append(_FOREGROUND)
    return kept
