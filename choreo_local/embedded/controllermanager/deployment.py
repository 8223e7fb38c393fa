"""The Deployment loop."""

from __future__ import annotations

from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import deployment_plan, kinds, plans
from choreo_local.embedded.controllermanager.claims import claimed
from choreo_local.embedded.controllermanager.conditions import with_condition
from choreo_local.embedded.controllermanager.deployment_status import deadline, progressing
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Verb, Write
from choreo_local.embedded.controllermanager.references import controller_of, controller_uid
from choreo_local.embedded.controllermanager.selectors import label_selector
from choreo_local.embedded.controllermanager.templatehash import same_template
from choreo_local.errors import AlreadyExistsError, ApiError, ConflictError
from choreo_local.tasks import TaskGroup


class DeploymentLoop:
    """Rolls out Deployments by way of ReplicaSets."""

    component = "deployment-controller"

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._deployments = informers.of(kinds.DEPLOYMENTS)
        self._sets = informers.of(kinds.REPLICA_SETS)
        self._sets_by_namespace = Index(self._sets, lambda obj: [obj["metadata"]["namespace"]])
        self._pods_by_owner = Index(informers.of(kinds.PODS), lambda obj: [controller_uid(obj)])
        self._loop = Loop("deployment", self._look)
        self._deployments.add_callback(self._deployment_changed)
        self._sets.add_callback(self._set_changed)
        informers.of(kinds.PODS).add_callback(self._pod_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _deployment_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(key_of(dict(new)))

    def _set_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            if each is None:
                continue
            reference = controller_of(each)
            if reference is not None and reference["kind"] == "Deployment":
                self._loop.queue.add((each["metadata"]["namespace"], reference["name"]))
            elif reference is None and new is not None:
                self._wake_matching(each)

    def _wake_matching(self, orphan: Manifest) -> None:
        """An orphan may be adopted by a Deployment that selects it."""
        labels = orphan["metadata"].get("labels") or {}
        for each in self._deployments.list(orphan["metadata"]["namespace"]):
            if labels and label_selector(each["spec"].get("selector")).matches(labels):
                self._loop.queue.add(key_of(each))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        # Only the end of a Pod matters here, for Recreate; counts arrive through ReplicaSets.
        if old is None or new is not None:
            return
        reference = controller_of(old)
        if reference is not None and reference["kind"] == "ReplicaSet":
            owner = self._sets.get(reference["name"], old["metadata"]["namespace"])
            if owner is not None:
                self._set_changed(None, owner)

    async def _look(self, key: ObjectKey) -> float | None:
        deployment = self._deployments.get(key[1], key[0])
        if deployment is None:
            return None
        selector = label_selector(deployment["spec"].get("selector"))
        if selector.empty:
            return await self._objects.carry_out(_selects_everything(deployment))
        sets = await claimed(
            self._objects,
            deployment,
            lambda: self._sets_by_namespace.get(key[0]),
            owner_kind=kinds.DEPLOYMENTS,
            kind=kinds.REPLICA_SETS,
            selector=selector,
        )
        pods = {
            each["metadata"]["uid"]: self._pods_by_owner.get(each["metadata"]["uid"])
            for each in sets
        }
        observed = deployment_plan.Observed(deployment, sets, pods, clock.now())
        return await self._carry_out(deployment, deployment_plan.plan(observed))

    async def _carry_out(self, deployment: Manifest, plan: Plan) -> float | None:
        for write in plan.writes:
            if write.verb is not Verb.CREATE:
                await self._objects.write(write)
            elif not await self._create(deployment, write):
                return None
        return plan.look_again

    async def _create(self, deployment: Manifest, write: Write) -> bool:
        """Create a ReplicaSet; False when its name collided and another one is needed."""
        try:
            await self._objects.write(write)
        except AlreadyExistsError:
            return await self._settle_collision(deployment, write)
        except ConflictError:
            raise
        except ApiError as error:
            await self._report_failure(deployment, write, error)
            raise
        return True

    async def _settle_collision(self, deployment: Manifest, write: Write) -> bool:
        metadata = write.obj["metadata"]
        found = await self._objects.client.get(
            kinds.REPLICA_SETS, metadata["name"], metadata["namespace"]
        )
        same = same_template(found["spec"]["template"], deployment["spec"]["template"])
        if same and controller_uid(found) == deployment["metadata"]["uid"]:
            return True
        status = dict(deployment.get("status") or {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1
        changed = {**deployment, "status": status}
        await self._objects.write(plans.update_status(kinds.DEPLOYMENTS, changed))
        return False

    async def _report_failure(self, deployment: Manifest, write: Write, error: ApiError) -> None:
        name = write.obj["metadata"]["name"]
        message = f'Failed to create new replica set "{name}": {error.message}'
        self._objects.recorder.record(
            Note(deployment, "ReplicaSetCreateError", message, warning=True)
        )
        if deadline(deployment) is None:
            return
        status: dict[str, Any] = dict(deployment.get("status") or {})
        made = progressing("False", "ReplicaSetCreateError", message, clock.now())
        status["conditions"] = with_condition(status.get("conditions"), made)
        if status != deployment.get("status"):
            changed = {**deployment, "status": status}
            await self._objects.write(plans.update_status(kinds.DEPLOYMENTS, changed))


def _selects_everything(deployment: Manifest) -> Plan:
    message = "This deployment is selecting all pods. A non-empty selector is required."
    return Plan(notes=(Note(deployment, "SelectingAll", message, warning=True),))
