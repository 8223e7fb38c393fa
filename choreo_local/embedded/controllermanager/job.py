"""The Job loop."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.embedded.controllermanager import job_plan, job_pods, kinds, plans
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
from choreo_local.embedded.controllermanager.selectors import label_selector
from choreo_local.errors import ApiError, NotFoundError
from choreo_local.kubeclient.interfaces import Propagation
from choreo_local.tasks import TaskGroup


class JobLoop:
    """Runs Jobs to their end, and deletes those whose time after that has passed."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._jobs = informers.of(kinds.JOBS)
        self._pods = pods = informers.of(kinds.PODS)
        self._pods_by_owner = Index(pods, lambda obj: [controller_uid(obj)])
        self._orphans = Index(
            pods, lambda obj: [] if controller_of(obj) else [obj["metadata"]["namespace"]]
        )
        self._loop: Loop[ObjectKey] = Loop("job", self._look)
        self._jobs.add_callback(self._job_changed)
        pods.add_callback(self._pod_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _job_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._loop.queue.add(key_of(dict(new or old or {})))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            reference = controller_of(each) if each is not None else None
            if each is not None and reference is not None and reference["kind"] == "Job":
                self._loop.queue.add((each["metadata"]["namespace"], reference["name"]))
        if new is not None and controller_of(new) is None and job_pods.is_tracked(new):
            # Jobs that may adopt it, or else let it go, are found by its namespace.
            self._loop.queue.add((new["metadata"]["namespace"], _job_name(new)))

    async def _look(self, key: ObjectKey) -> float | None:
        job = self._jobs.get(key[1], key[0])
        if job is None:
            await self._release_orphans(key)
            return None
        pods = await claimed(
            self._objects,
            job,
            lambda: [
                *self._pods_by_owner.get(job["metadata"]["uid"]),
                *self._orphans.get(key[0]),
            ],
            owner_kind=kinds.JOBS,
            kind=kinds.PODS,
            selector=label_selector(job["spec"].get("selector")),
        )
        now = clock.now()
        plan = job_plan.plan(job_plan.Observed(job, pods, now))
        for note in plan.notes:
            self._objects.recorder.record(note)
        for write in plan.writes:
            await self._write(job, write)
        expires = job_plan.expires_in(job, now)
        if expires == 0.0:
            await self._objects.delete(kinds.JOBS, job, propagation=Propagation.FOREGROUND)
        return plans.soonest(plan.look_again, expires)

    async def _write(self, job: Manifest, write: Write) -> None:
        try:
            answer = await self._objects.write(write)
        except NotFoundError:
            if write.verb is not Verb.PATCH:
                raise
            return
        except ApiError as error:
            if write.verb is Verb.CREATE:
                message = f"Error creating: {error.message}"
                self._objects.recorder.record(Note(job, "FailedCreate", message, warning=True))
            raise
        if write.verb is Verb.CREATE:
            message = f"Created pod: {answer['metadata']['name']}"
            self._objects.recorder.record(Note(job, "SuccessfulCreate", message))

    async def _release_orphans(self, key: ObjectKey) -> None:
        """Pods of a Job that is gone wait for nobody."""
        found = [*self._orphans.get(key[0]), *self._lost_pods(key)]
        for pod in found:
            if job_pods.is_tracked(pod) and _job_name(pod) == key[1]:
                write = plans.patch(kinds.PODS, pod, job_pods.without_finalizer(pod))
                await self._write(pod, write)

    def _lost_pods(self, key: ObjectKey) -> list[Manifest]:
        """Pods that still name the Job of that key as their controller; rare enough for a scan."""
        return [
            pod
            for pod in self._pods.list(key[0])
            if (controller_of(pod) or {}).get("kind") == "Job"
            and (controller_of(pod) or {}).get("name") == key[1]
        ]


def _job_name(pod: Manifest) -> str:
    reference = controller_of(pod)
    if reference is not None:
        return str(reference["name"])
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get("batch.kubernetes.io/job-name", ""))
