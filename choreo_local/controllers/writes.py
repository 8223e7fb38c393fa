"""The single writes a pass is made of, and the status patch that says only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Event, Outcome, PlaneWork, Reference
from choreo_local.errors import AlreadyExistsError, ChoreoError, ConflictError, NotFoundError
from choreo_local.kubeclient.client import KubeClient


class WriteError(ChoreoError):
    """A write failed; says of what."""


@contextmanager
def named(verb: str, kind: str) -> Iterator[None]:
    """Say in an error what was being done; conflicts are nobody's business but the runtime's."""
    try:
        yield
    except ConflictError:
        raise
    except ChoreoError as error:
        message = f"failed to {verb} {kind}: {error.message}"
        raise WriteError(message, remedy=error.remedy) from error


EVENTS = ResourceKind("", "v1", "Event", "events")


def status_patch(obj: Manifest, outcome: Outcome, *, now: str) -> dict[str, Any]:
    """The merge patch of `status` that an outcome asks for; empty when nothing would change."""
    status = obj.get("status") or {}
    patch = {
        key: value
        for key, value in outcome.status.items()
        if value != status.get(key) and not (value is None and key not in status)
    }
    if outcome.conditions or outcome.remove_conditions:
        before = status.get("conditions") or []
        after = merged_conditions(
            before,
            outcome.conditions,
            remove=outcome.remove_conditions,
            generation=obj["metadata"].get("generation", 0),
            now=now,
        )
        if after != before:
            patch["conditions"] = after
    return patch


def merged_conditions(
    before: Sequence[Mapping[str, Any]],
    wanted: Sequence[Condition],
    *,
    remove: Sequence[str] = (),
    generation: int,
    now: str,
) -> list[dict[str, Any]]:
    """`wanted` set over `before`: the time moves only when the status of a condition does."""
    merged: Sequence[Mapping[str, Any]] = before
    for kind in remove:
        merged = conditions.remove(merged, kind)
    for condition in wanted:
        entry = {
            "type": condition.type,
            "status": _STATUS[condition.status],
            "reason": condition.reason,
            "message": condition.message,
            "observedGeneration": generation,
        }
        merged = conditions.set_(merged, entry, now=now)
    return [dict(entry) for entry in merged]


_STATUS = {True: "True", False: "False", None: "Unknown"}


async def status(
    client: KubeClient, kind: ResourceKind, obj: Manifest, patch: Mapping[str, Any]
) -> Manifest | None:
    """Write a status patch; None when the object is gone."""
    metadata = obj["metadata"]
    body: dict[str, Any] = {"status": patch}
    if metadata.get("deletionTimestamp"):
        # It may be gone, and another one may have its name by now.
        body["metadata"] = {"resourceVersion": metadata["resourceVersion"]}
    try:
        return await client.patch(
            kind,
            metadata["name"],
            body,
            metadata.get("namespace"),
            subresource="status",
        )
    except NotFoundError:
        return None


async def add_finalizer(
    client: KubeClient, kind: ResourceKind, obj: Manifest, finalizer: str
) -> Manifest:
    """Add a finalizer; ConflictError when the object changed meanwhile."""
    finalizers = [*(obj["metadata"].get("finalizers") or []), finalizer]
    return await _set_finalizers(client, kind, obj, finalizers)


async def remove_finalizer(
    client: KubeClient, kind: ResourceKind, obj: Manifest, finalizer: str
) -> Manifest | None:
    """Take a finalizer away; None when the object is gone already."""
    metadata = obj["metadata"]
    try:
        # The status write of this pass has moved the revision on.
        current = await client.get(kind, metadata["name"], metadata.get("namespace"))
        if current["metadata"].get("uid") != metadata.get("uid"):
            return None
        left = [name for name in current["metadata"].get("finalizers") or [] if name != finalizer]
        return await _set_finalizers(client, kind, current, left)
    except NotFoundError:
        return None


async def _set_finalizers(
    client: KubeClient, kind: ResourceKind, obj: Manifest, finalizers: list[str]
) -> Manifest:
    metadata = obj["metadata"]
    patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}}
    return await client.patch(kind, metadata["name"], patch, metadata.get("namespace"))


async def create(
    client: KubeClient, kind: ResourceKind, manifest: Mapping[str, Any]
) -> Manifest | None:
    """Create unless an object of that name exists."""
    try:
        return await client.create(kind, manifest)
    except AlreadyExistsError:
        return None


async def delete(client: KubeClient, reference: Reference) -> Manifest | None:
    """Delete; a missing object, or another one of its name, is fine.

    Answers the object while it waits for its finalizers, None when it is gone.
    """
    try:
        kind = await client.resolve(reference.api_version, reference.kind)
        answer = await client.delete(
            kind, reference.name, reference.namespace or None, uid=reference.uid or None
        )
    except NotFoundError:
        return None
    except ConflictError:
        if not reference.uid:
            raise
        return None
    return answer if answer.get("metadata", {}).get("deletionTimestamp") else None


@dataclass(frozen=True, slots=True)
class PlaneAnswers:
    """What a plane made of the work it was given.

    Attributes:
        applied: each manifest with the object that became of it.
        gone: what does not exist any more.
    """

    applied: list[tuple[Mapping[str, Any], Manifest]]
    gone: list[Reference]


async def on_plane(client: KubeClient, work: PlaneWork) -> PlaneAnswers:
    """Create, apply one manifest after another, then delete; stops at the first failure."""
    for manifest in work.create:
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        await create(client, kind, manifest)
    applied = []
    for identifier, manifest in work.apply:
        try:
            kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
            answer = await client.apply(kind, manifest, field_manager=work.field_manager)
        except ChoreoError as error:
            message = f"failed to apply resource {identifier}: {error.message}"
            raise WriteError(message, remedy=error.remedy) from error
        applied.append((manifest, answer))
    gone = [found for found in work.delete if await delete(client, found) is None]
    return PlaneAnswers(applied, gone)


async def event(
    client: KubeClient, obj: Manifest, happened: Event, *, component: str, now: datetime
) -> None:
    """Post an event about `obj`; events of a namespace that is going are not wanted any more."""
    metadata = obj["metadata"]
    # Events about cluster-scoped objects live in the namespace default.
    namespace = metadata.get("namespace") or "default"
    manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{clock.random_suffix(16)}",
            "namespace": namespace,
        },
        "involvedObject": {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "reason": happened.reason,
        "message": happened.message,
        "type": "Warning" if happened.warning else "Normal",
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": clock.timestamp(now),
        "lastTimestamp": clock.timestamp(now),
        "count": 1,
    }
    try:
        await client.create(EVENTS, manifest)
    except NotFoundError:
        return
