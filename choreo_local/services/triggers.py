"""Run the CronJob of a component once, now."""

from __future__ import annotations

from typing import Any

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import BadRequestError, NotFoundError, UnreachableError
from choreo_local.services import kinds
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster, owner_of
from choreo_local.services.live import Live

Manifest = dict[str, Any]

CRON_JOBS = ResourceKind("batch", "v1", "CronJob", "cronjobs")
JOBS = ResourceKind("batch", "v1", "Job", "jobs")
_BINDING = kinds.BY_KIND["ReleaseBinding"]
_LONGEST_NAME = 63
_RANDOM_LETTERS = 5


class Triggers:
    """Use cases of scheduled components."""

    def __init__(self, cluster: Cluster, objects: Objects, live: Live) -> None:
        self._cluster = cluster
        self._objects = objects
        self._live = live

    async def run_now(self, namespace: str, binding: str) -> Manifest:
        """Make a Job of the CronJob behind a binding, as `kubectl create job --from` does.

        Raises:
            BadRequestError: the component does not run on a schedule.
            UnreachableError: nothing connects us with its data plane.
        """
        bound = await self._objects.stored(_BINDING, binding, namespace)
        name = owner_of(bound, "componentName")
        component = await self._cluster.need(registry.COMPONENT, name, namespace)
        try:
            cell = await self._live.cell(component, bound["spec"]["environment"])
        except NotFoundError as error:
            raise UnreachableError(error.message, remedy=error.remedy) from error
        found = await Cluster(cell.client).list(CRON_JOBS, cell.namespace, labels=cell.selector)
        if not found:
            raise BadRequestError("only components that run on a schedule can be triggered")
        cron_job = found[0]
        created = await cell.client.create(JOBS, job_of(cron_job, _name(cron_job)))
        return {
            "jobName": created["metadata"]["name"],
            "namespace": created["metadata"]["namespace"],
            "cronJobName": cron_job["metadata"]["name"],
        }


def job_of(cron_job: Manifest, name: str) -> Manifest:
    """The Job that a CronJob describes, started by hand."""
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": cron_job["metadata"]["namespace"],
            "labels": dict(metadata.get("labels") or {}),
            "annotations": {
                **(metadata.get("annotations") or {}),
                "cronjob.kubernetes.io/instantiate": "manual",
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": cron_job["metadata"]["name"],
                    "uid": cron_job["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": template["spec"],
    }


def _name(cron_job: Manifest) -> str:
    ending = f"-{int(clock.unix())}-{clock.random_suffix(_RANDOM_LETTERS)}"
    return str(cron_job["metadata"]["name"])[: _LONGEST_NAME - len(ending)] + ending
