"""Gather → reconcile → carry out: what every controller has in common, written once.

A controller is four values: its kind, how to gather, how to decide, and which events of other
kinds wake it. The runtime owns the queue, reads from the caches, and alone writes.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from choreo_local import clock, logs
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.controllers import writes
from choreo_local.controllers.indexes import Caches, IndexFunction
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.outcome import Outcome, PlaneReference, RuleWork
from choreo_local.errors import ChoreoError, ConflictError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.workqueue import WorkQueue, work

logger = logging.getLogger(__name__)

# People wait for what they have put right elsewhere: a plane that is back, a kind that is served.
_LONGEST_RETRY_SECONDS = 60.0

Key = tuple[str, str, str]  # kind, namespace ("" if cluster-scoped), name
T = TypeVar("T")

# Which objects (namespace, name) of a controller's kind an event of another object concerns.
Wakes = Callable[[Watched, Manifest], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Controller(Generic[T]):
    """One kind's controller.

    Attributes:
        kind: the kind that it reconciles.
        gather: reads everything that `reconcile` may look at; may wait for live objects.
        reconcile: decides; pure.
        wakes: other kind → (namespace, name) of the objects to look at when it changes.
        indexes: kind → index name → function, for the look-ups of `gather` and `wakes`.
        field_manager: owner of what it applies.
        live_wakes: as `wakes`, for the live objects on other planes.
        heeds: kind of `wakes` → what of its status counts too; of the others only what a person
            writes does, or the heartbeat of a plane would wake everything on it.
        needs_spec: an object without `spec` is left alone; the API accepts it, we can do nothing.
    """

    kind: ResourceKind
    gather: Callable[[Watched, Live, Manifest], Awaitable[T]]
    reconcile: Callable[[T], Outcome]
    field_manager: str
    needs_spec: bool = True
    wakes: Mapping[str, Wakes] = field(default_factory=dict)
    live_wakes: Wakes | None = None
    heeds: Mapping[str, Callable[[Manifest], Any]] = field(default_factory=dict)
    indexes: Mapping[str, Mapping[str, IndexFunction]] = field(default_factory=dict)


class Planes(Protocol):
    """Clients of other planes."""

    def client(self, plane: PlaneReference) -> KubeClient: ...


class Rules(Protocol):
    """Keeps alert rules at the Observer API."""

    async def write(self, work: RuleWork) -> Manifest: ...


class Runtime:
    """Runs controllers over one control plane.

    Args:
        controllers: one a kind.
        kinds: every kind that is watched.
        client: the control plane.
        planes: clients of the other planes.
        live: caches of the other planes' objects.
        rules: where alert rules are kept.
    """

    def __init__(
        self,
        controllers: Iterable[Controller[Any]],
        *,
        kinds: Mapping[str, ResourceKind],
        client: KubeClient,
        planes: Planes,
        live: Live,
        rules: Rules,
    ) -> None:
        self._controllers = {controller.kind.kind: controller for controller in controllers}
        self.kinds = dict(kinds)
        self.caches = Caches(_merged_indexes(self._controllers.values(), self.kinds))
        self.queue: WorkQueue[Key] = WorkQueue(longest_retry_seconds=_LONGEST_RETRY_SECONDS)
        self._client = client
        self._planes = planes
        self._live = live
        self._rules = rules

    @property
    def reconciled(self) -> Set[str]:
        """The kinds that have a controller."""
        return self._controllers.keys()

    def changed(self, kind: str, obj: Manifest) -> None:
        """An object was added or modified: remember it and wake whom it concerns."""
        old = self.caches.of(kind).get(*_name(obj))
        if self.caches.of(kind).store(obj):
            self._wake_own(kind, obj)
            self._wake_others(kind, old, obj)

    def listed(self, kind: str, obj: Manifest) -> None:
        """An object was there when its kind was listed: look at it, even if it is known already."""
        old = self.caches.of(kind).get(*_name(obj))
        if self.caches.of(kind).store(obj):
            self._wake_others(kind, old, obj)
        self._wake_own(kind, obj)

    def deleted(self, kind: str, obj: Manifest) -> None:
        """An object is gone: wake whom it concerned, itself included."""
        self.caches.of(kind).drop(obj)
        self._wake_own(kind, obj)
        self._wake_others(kind, None, obj)

    async def forget_missing(self, kind: str) -> None:
        """Drop the objects of a kind that the server does not have any more."""
        found = await self._client.list(self.kinds[kind])
        there = {obj["metadata"]["uid"] for obj in found.items}
        for obj in self.caches.list(kind):
            metadata = obj["metadata"]
            # What is younger than the list may be there all the same.
            is_older = int(metadata["resourceVersion"]) <= int(found.resource_version)
            if is_older and metadata["uid"] not in there:
                self.deleted(kind, obj)

    def live_changed(self, obj: Manifest) -> None:
        """A live object on another plane was added, modified or deleted: wake whom it concerns."""
        for controller in self._controllers.values():
            if controller.live_wakes is not None:
                for namespace, name in _woken(controller.live_wakes, self.caches, obj):
                    self.wake(controller.kind.kind, namespace, name)

    def wake(self, kind: str, namespace: str, name: str) -> None:
        """Look at an object soon."""
        self.queue.add((kind, namespace, name))

    async def run_worker(self) -> None:
        """Work the queue until cancelled; several workers may run in one loop."""
        await work(self.queue, self._look_at)

    def _wake_own(self, kind: str, obj: Manifest) -> None:
        if kind in self._controllers:
            self.wake(kind, *_name(obj))

    def _wake_others(self, kind: str, old: Manifest | None, obj: Manifest) -> None:
        only_status = old is not None and _spoken(old) == _spoken(obj)
        for controller in self._controllers.values():
            wakes = controller.wakes.get(kind)
            if wakes is None or (only_status and not _is_heeded(controller, kind, old, obj)):
                continue
            for namespace, name in _woken(wakes, self.caches, obj):
                self.wake(controller.kind.kind, namespace, name)

    async def _look_at(self, key: Key) -> None:
        kind, namespace, name = key
        details = {kind: f"{namespace}/{name}" if namespace else name}
        log = logs.for_object(logger, **details)
        try:
            await self._pass(key)
        except ConflictError:
            # Somebody wrote meanwhile; the event of that write is on its way.
            self.queue.retry(key)
        except Exception as error:
            delay = self.queue.retry(key)
            log.warning(
                "Reconcile failed",
                details={"error": repr(error), "retrySeconds": delay},
                exc_info=not isinstance(error, ChoreoError),
            )

    async def _pass(self, key: Key) -> None:
        kind, namespace, name = key
        obj = self.caches.get(kind, namespace, name)
        if obj is None:
            self.queue.forget(key)
            return
        controller = self._controllers[kind]
        if controller.needs_spec and obj.get("spec") is None:
            return
        observed = await controller.gather(self.caches, self._live, obj)
        outcome = controller.reconcile(observed)
        failure = await self._carry_out(controller, obj, outcome)
        if failure:
            delay = self.queue.retry(key)
            logs.for_object(logger, **{kind: f"{namespace}/{name}"}).info(
                "Pass will be repeated", details={"reason": failure, "retrySeconds": delay}
            )
            return
        self.queue.forget(key)
        if outcome.requeue_after is not None:
            seconds = outcome.requeue_after.total_seconds()
            self.queue.add_after(key, seconds)

    async def _carry_out(self, controller: Controller[Any], obj: Manifest, outcome: Outcome) -> str:
        """Do what the outcome asks for; why the pass must be repeated, or ""."""
        failure = outcome.failed
        try:
            if outcome.add_finalizer:
                obj = await self._own(
                    obj,
                    writes.add_finalizer(self._client, controller.kind, obj, outcome.add_finalizer),
                )
            answers = await self._write_elsewhere(outcome)
            await self._write_objects(controller, outcome)
        except ConflictError:
            raise
        except ChoreoError as error:
            if outcome.on_error is None:
                raise
            failure = error.message
            outcome = outcome.on_error(error)
        else:
            if outcome.on_done is not None:
                outcome = outcome.on_done(answers)
        status_patch = writes.status_patch(obj, outcome, now=clock.timestamp())
        if status_patch:
            obj = await self._own(
                obj, writes.status(self._client, controller.kind, obj, status_patch)
            )
        for event in outcome.events:
            await writes.event(
                self._client, obj, event, component=controller.field_manager, now=clock.now()
            )
        if outcome.remove_finalizer:
            await self._own(
                obj,
                writes.remove_finalizer(
                    self._client, controller.kind, obj, outcome.remove_finalizer
                ),
            )
        return failure

    async def _write_elsewhere(self, outcome: Outcome) -> Sequence[Manifest]:
        """Do what the outcome asks for beyond the control plane; what was answered."""
        if outcome.on_observer is not None:
            return [await self._rules.write(outcome.on_observer)]
        work = outcome.on_plane
        if work is None or work.is_empty:
            return ()
        try:
            answers = await writes.on_plane(self._planes.client(work.plane), work)
        except ChoreoError:
            self._live.doubt(work.plane, [manifest for _, manifest in work.apply])
            raise
        self._live.record(work.plane, answers.applied)
        for reference in answers.gone:
            self._live.forget(work.plane, reference.key)
        return [answer for _, answer in answers.applied]

    async def _write_objects(self, controller: Controller[Any], outcome: Outcome) -> None:
        for manifest in outcome.create:
            kind = await self._resource(manifest)
            with writes.named("create", manifest["kind"]):
                await self._written(kind, writes.create(self._client, kind, manifest))
        for manifest in outcome.apply:
            kind = await self._resource(manifest)
            applying = self._client.apply(kind, manifest, field_manager=controller.field_manager)
            with writes.named("apply", manifest["kind"]):
                await self._written(kind, applying)
        for reference in outcome.delete:
            with writes.named("delete", reference.kind):
                obj = await writes.delete(self._client, reference)
            if obj is not None and reference.kind in self.kinds:
                self.changed(reference.kind, obj)

    async def _resource(self, manifest: Mapping[str, Any]) -> ResourceKind:
        known = self.kinds.get(manifest["kind"])
        if known is not None and known.api_version == manifest["apiVersion"]:
            return known
        return await self._client.resolve(manifest["apiVersion"], manifest["kind"])

    async def _written(self, kind: ResourceKind, writing: Awaitable[Manifest | None]) -> None:
        """Wait for a write and remember its answer, so that the next pass already sees it."""
        obj = await writing
        if obj is not None and kind.kind in self.kinds:
            self.changed(kind.kind, obj)

    async def _own(self, before: Manifest, writing: Awaitable[Manifest | None]) -> Manifest:
        """Wait for a write to the reconciled object itself; it need not be looked at for that.

        Unless the answer shows that a person wrote meanwhile: the event of that write will look
        old when it arrives, so it must be remembered here.
        """
        obj = await writing
        if obj is None:
            return before
        kind = before["kind"]
        old = self.caches.of(kind).get(*_name(obj))
        if self.caches.of(kind).store(obj):
            if _spoken(before) != _spoken(obj):
                self._wake_own(kind, obj)
            self._wake_others(kind, old, obj)
        return obj


def _name(obj: Manifest) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _spoken(obj: Manifest) -> tuple[Any, ...]:
    """What changes when a person writes, and not when a controller reports."""
    metadata = obj["metadata"]
    fields = ("uid", "generation", "labels", "annotations", "deletionTimestamp")
    return tuple(metadata.get(field) for field in fields)


def _is_heeded(controller: Controller[Any], kind: str, old: Manifest | None, new: Manifest) -> bool:
    status_of = controller.heeds.get(kind)
    return old is None or (status_of is not None and status_of(old) != status_of(new))


def _woken(wakes: Wakes, watched: Watched, obj: Manifest) -> list[tuple[str, str]]:
    # An object without the fields that name others concerns none of them.
    try:
        return list(wakes(watched, obj))
    except (KeyError, TypeError):
        return []


def _merged_indexes(
    controllers: Iterable[Controller[Any]], kinds: Mapping[str, ResourceKind]
) -> dict[str, dict[str, IndexFunction]]:
    merged: dict[str, dict[str, IndexFunction]] = {kind: {} for kind in kinds}
    for controller in controllers:
        for kind, indexes in controller.indexes.items():
            merged[kind].update(indexes)
    return merged
