"""The DaemonSet loop."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.embedded.controllermanager import daemonset_plan, kinds, plans
from choreo_local.embedded.controllermanager.informers import ObjectKey, SharedInformers, key_of
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Verb, Write
from choreo_local.embedded.controllermanager.setloop import OwnedPods
from choreo_local.errors import AlreadyExistsError, ApiError
from choreo_local.tasks import TaskGroup


class DaemonSetLoop:
    """Keeps one Pod of each DaemonSet on every node that it fits."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._loop: Loop[ObjectKey] = Loop("daemonset", self._look)
        self._owned = OwnedPods(informers, objects, kinds.DAEMON_SETS, self._loop.queue)
        self._nodes = informers.of(kinds.NODES)
        self._nodes.add_callback(self._node_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _node_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is None or new is None or _placing(old) != _placing(new):
            for each in self._owned.owners.list():
                self._loop.queue.add(key_of(each))

    async def _look(self, key: ObjectKey) -> float | None:
        await self._nodes.synced.wait()
        owner = self._owned.owners.get(key[1], key[0])
        if owner is None:
            return None
        observed = daemonset_plan.Observed(
            set=owner,
            pods=await self._owned.pods_of(owner),
            nodes=list(self._nodes.list()),
            revisions=self._owned.revisions_of(owner),
            now=clock.now(),
        )
        plan = daemonset_plan.plan(observed)
        for note in plan.notes:
            self._objects.recorder.record(note)
        for write in plan.writes:
            await self._write(owner, write)
        return plan.look_again

    async def _write(self, owner: Manifest, write: Write) -> None:
        try:
            answer = await self._objects.write(write)
        except AlreadyExistsError:
            if write.kind is kinds.CONTROLLER_REVISIONS:
                await self._count_collision(owner, write)
            return
        except ApiError as error:
            if write.kind is kinds.PODS:
                message = f"Error creating: {error.message}"
                note = Note(owner, "FailedCreate", message, warning=True)
                self._objects.recorder.record(note)
            raise
        if write.kind is kinds.PODS and write.verb is Verb.CREATE:
            message = f"Created pod: {answer['metadata']['name']}"
            self._objects.recorder.record(Note(owner, "SuccessfulCreate", message))

    async def _count_collision(self, owner: Manifest, write: Write) -> None:
        metadata = write.obj["metadata"]
        found = await self._objects.client.get(
            kinds.CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"]
        )
        if found.get("data") == write.obj["data"]:
            return
        status = dict(owner.get("status") or {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1
        await self._objects.write(
            plans.update_status(kinds.DAEMON_SETS, {**owner, "status": status})
        )


def _placing(node: Manifest) -> tuple[object, object]:
    """What of a node decides which Pods it gets."""
    return node["metadata"].get("labels"), node["spec"].get("taints")
