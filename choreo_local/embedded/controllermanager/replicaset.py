"""The loops of ReplicaSets and of ReplicationControllers."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds, replicaset_plan
from choreo_local.embedded.controllermanager.claims import claimed
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Verb, Write
from choreo_local.embedded.controllermanager.references import controller_of, controller_uid
from choreo_local.embedded.controllermanager.replicaset_plan import Failure, Observed
from choreo_local.errors import ApiError, ForbiddenError, NotFoundError
from choreo_local.tasks import TaskGroup


class ReplicaLoop:
    """Keeps the number of Pods of ReplicaSets or ReplicationControllers."""

    def __init__(
        self,
        informers: SharedInformers,
        objects: Objects,
        kind: ResourceKind = kinds.REPLICA_SETS,
    ) -> None:
        self._objects = objects
        self._kind = kind
        self._owners = informers.of(kind)
        pods = informers.of(kinds.PODS)
        self._pods_by_owner = Index(pods, lambda obj: [controller_uid(obj)])
        self._orphans = Index(
            pods, lambda obj: [] if controller_of(obj) else [obj["metadata"]["namespace"]]
        )
        self._siblings = Index(self._owners, lambda obj: [controller_uid(obj)])
        self._loop = Loop(kind.kind.lower(), self._look)
        self._owners.add_callback(self._owner_changed)
        pods.add_callback(self._pod_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _owner_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(key_of(dict(new)))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            reference = controller_of(each) if each is not None else None
            if each is not None and reference is not None:
                if reference["kind"] == self._kind.kind:
                    self._loop.queue.add((each["metadata"]["namespace"], reference["name"]))
            elif new is not None and each is new:
                self._wake_matching(new)

    def _wake_matching(self, orphan: Manifest) -> None:
        labels = orphan["metadata"].get("labels") or {}
        if not labels:
            return
        for each in self._owners.list(orphan["metadata"]["namespace"]):
            if replicaset_plan.selector_of(each).matches(labels):
                self._loop.queue.add(key_of(each))

    async def _look(self, key: ObjectKey) -> float | None:
        owner = self._owners.get(key[1], key[0])
        if owner is None:
            return None
        observed = await self._observe(owner, key)
        plan = replicaset_plan.replica_plan(observed)
        failure: Failure | None = None
        error: ApiError | None = None
        for write in plan.writes:
            try:
                await self._write(owner, write)
            except (NotFoundError, ForbiddenError) as found:
                if _is_ending(found):
                    return None
                error, failure = found, self._failure(owner, write, found)
                break
            except ApiError as found:
                error, failure = found, self._failure(owner, write, found)
                break
        if plan.writes:
            observed = await self._observe(owner, key)
        again = await self._objects.carry_out(replicaset_plan.status_plan(observed, failure))
        if error is not None:
            raise error
        return again

    async def _observe(self, owner: Manifest, key: ObjectKey) -> Observed:
        uid = owner["metadata"]["uid"]
        pods = await claimed(
            self._objects,
            owner,
            lambda: [*self._pods_by_owner.get(uid), *self._orphans.get(key[0])],
            owner_kind=self._kind,
            kind=kinds.PODS,
            selector=replicaset_plan.selector_of(owner),
        )
        return Observed(self._kind, owner, pods, self._related(owner), clock.now())

    def _related(self, owner: Manifest) -> list[Manifest]:
        """The Pods of all sets with the same controller; without one, of this set."""
        parent = controller_uid(owner)
        sets = self._siblings.get(parent) if parent else [owner]
        return [pod for each in sets for pod in self._pods_by_owner.get(each["metadata"]["uid"])]

    async def _write(self, owner: Manifest, write: Write) -> None:
        answer = await self._objects.write(write)
        if write.verb is Verb.CREATE:
            message = f"Created pod: {answer['metadata']['name']}"
            self._objects.recorder.record(Note(owner, "SuccessfulCreate", message))

    def _failure(self, owner: Manifest, write: Write, error: ApiError) -> Failure:
        create = write.verb is Verb.CREATE
        reason = "FailedCreate" if create else "FailedDelete"
        verb = "creating" if create else "deleting"
        self._objects.recorder.record(
            Note(owner, reason, f"Error {verb}: {error.message}", warning=True)
        )
        return Failure(reason, error.message)


def _is_ending(error: ApiError) -> bool:
    """Whether Pods cannot be made because the whole namespace is going away."""
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)
