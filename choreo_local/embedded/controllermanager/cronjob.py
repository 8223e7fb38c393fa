"""The CronJob loop."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.embedded.controllermanager import cronjob_plan, kinds
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
from choreo_local.errors import AlreadyExistsError, ApiError
from choreo_local.kubeclient.interfaces import Propagation
from choreo_local.tasks import TaskGroup


class CronJobLoop:
    """Starts Jobs at their times."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._cron_jobs = informers.of(kinds.CRON_JOBS)
        self._jobs = informers.of(kinds.JOBS)
        self._jobs_by_owner = Index(self._jobs, lambda obj: [controller_uid(obj)])
        self._loop: Loop[ObjectKey] = Loop("cronjob", self._look)
        self._cron_jobs.add_callback(self._cron_job_changed)
        self._jobs.add_callback(self._job_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _cron_job_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(key_of(dict(new)))

    def _job_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            reference = controller_of(each) if each is not None else None
            if each is not None and reference is not None and reference["kind"] == "CronJob":
                self._loop.queue.add((each["metadata"]["namespace"], reference["name"]))

    async def _look(self, key: ObjectKey) -> float | None:
        await self._jobs.synced.wait()
        cron_job = self._cron_jobs.get(key[1], key[0])
        if cron_job is None:
            return None
        jobs = self._jobs_by_owner.get(cron_job["metadata"]["uid"])
        plan = cronjob_plan.plan(cronjob_plan.Observed(cron_job, jobs, clock.now()))
        for note in plan.notes:
            self._objects.recorder.record(note)
        for write in plan.writes:
            await self._write(cron_job, write)
        return plan.look_again

    async def _write(self, cron_job: Manifest, write: Write) -> None:
        if write.verb is Verb.DELETE:
            await self._objects.delete(write.kind, write.obj, propagation=Propagation.BACKGROUND)
            for note in write.notes:
                self._objects.recorder.record(note)
            return
        try:
            await self._objects.write(write)
        except AlreadyExistsError:
            # An earlier look started it and could not tell; the name is the lock.
            return
        except ApiError as error:
            if write.verb is Verb.CREATE:
                message = f"Error creating job: {error.message}"
                self._objects.recorder.record(Note(cron_job, "FailedCreate", message, warning=True))
            raise
