"""The StatefulSet loop."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.embedded.controllermanager import kinds, plans, statefulset_plan
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Verb, Write
from choreo_local.embedded.controllermanager.setloop import OwnedPods
from choreo_local.errors import AlreadyExistsError, ApiError
from choreo_local.tasks import TaskGroup


class StatefulSetLoop:
    """Makes, keeps and replaces the Pods of StatefulSets in order."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._loop: Loop[ObjectKey] = Loop("statefulset", self._look)
        self._owned = OwnedPods(informers, objects, kinds.STATEFUL_SETS, self._loop.queue)
        self._claims = Index(
            informers.of(kinds.PERSISTENT_VOLUME_CLAIMS), lambda obj: [obj["metadata"]["namespace"]]
        )

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    async def _look(self, key: ObjectKey) -> float | None:
        owner = self._owned.owners.get(key[1], key[0])
        if owner is None:
            return None
        pods = await self._owned.pods_of(owner)
        observed = statefulset_plan.Observed(
            set=owner,
            pods=pods,
            revisions=self._owned.revisions_of(owner),
            claims={each["metadata"]["name"]: each for each in self._claims.get(key[0])},
            now=clock.now(),
        )
        plan = statefulset_plan.plan(observed)
        for write in plan.writes:
            await self._write(owner, write)
        return plan.look_again

    async def _write(self, owner: Manifest, write: Write) -> None:
        try:
            await self._objects.write(write)
        except AlreadyExistsError:
            if write.kind is kinds.CONTROLLER_REVISIONS:
                await self._count_collision(owner, write)
            elif write.kind is kinds.PODS:
                raise
        except ApiError as error:
            if write.kind is kinds.PODS:
                self._report(owner, write, error)
            raise

    async def _count_collision(self, owner: Manifest, write: Write) -> None:
        """Another owner's revision has the name: choose the next."""
        metadata = write.obj["metadata"]
        found = await self._objects.client.get(
            kinds.CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"]
        )
        if found.get("data") == write.obj["data"]:
            return
        status = dict(owner.get("status") or {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1
        await self._objects.write(
            plans.update_status(kinds.STATEFUL_SETS, {**owner, "status": status})
        )

    def _report(self, owner: Manifest, write: Write, error: ApiError) -> None:
        verb = "create" if write.verb is Verb.CREATE else "delete"
        pod, name = write.obj["metadata"]["name"], owner["metadata"]["name"]
        message = f"{verb} Pod {pod} in StatefulSet {name} failed error: {error.message}"
        self._objects.recorder.record(
            Note(owner, f"Failed{verb.capitalize()}", message, warning=True)
        )
