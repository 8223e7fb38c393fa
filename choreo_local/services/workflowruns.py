"""How far a WorkflowRun is, what its steps write, and what happened to their pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import registry
from choreo_local.api.conditions import WorkflowRunCondition
from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import kinds, live, podlogs
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.gathering import Gatherer
from choreo_local.services.live import Live

Manifest = dict[str, Any]

_RUN = kinds.BY_KIND["WorkflowRun"]
_WORKFLOWS: Mapping[str, ResourceKind] = {
    kind.kind: kind for kind in (registry.WORKFLOW, registry.CLUSTER_WORKFLOW)
}
# Argo's own containers: they prepare and watch a step, and write nothing that concerns its author.
_ENGINE_CONTAINERS = frozenset({"wait", "init"})
# The labels and annotations with which Argo marks the pods of a workflow.
_OF_WORKFLOW = "workflows.argoproj.io/workflow"
_NODE_NAME = "workflows.argoproj.io/node-name"
_SEPARATOR = "---"
_PHASES = (
    (WorkflowRunCondition.WORKFLOW_FAILED, "Failed"),
    (WorkflowRunCondition.WORKFLOW_SUCCEEDED, "Succeeded"),
    (WorkflowRunCondition.WORKFLOW_RUNNING, "Running"),
)


class WorkflowRuns:
    """Use cases of workflow runs beyond those of every kind."""

    def __init__(self, cluster: Cluster, objects: Objects, gatherer: Gatherer, found: Live) -> None:
        self._cluster = cluster
        self._objects = objects
        self._gatherer = gatherer
        self._live = found

    async def status(self, namespace: str, name: str) -> Manifest:
        """Phase, steps, and whether the engine still has the run."""
        run = await self._objects.stored(_RUN, name, namespace)
        return {
            "status": phase(run),
            "steps": [step(task) for task in (run.get("status") or {}).get("tasks") or ()],
            "hasLiveObservability": await self._is_on_plane(run),
        }

    async def logs(
        self, namespace: str, name: str, *, task: str = "", since_seconds: int | None = None
    ) -> list[Manifest]:
        """What the steps wrote, by time."""
        client, pods = await self._pods(namespace, name, task)
        wanted = podlogs.Wanted(since_seconds=since_seconds)
        lines = []
        for pod in pods:
            for container in pod["spec"].get("containers") or ():
                if container["name"] not in _ENGINE_CONTAINERS:
                    lines += await _lines(client, pod, container["name"], wanted)
        lines.sort(key=lambda line: line.time)
        return [
            {"timestamp": line.time, "log": line.line}
            for line in lines
            if line.line.strip() not in ("", _SEPARATOR)
        ]

    async def events(self, namespace: str, name: str, *, task: str = "") -> list[Manifest]:
        """What happened to the pods of the steps, by time."""
        client, pods = await self._pods(namespace, name, task)
        uids = {pod["metadata"]["uid"] for pod in pods}
        places = {pod["metadata"]["namespace"] for pod in pods}
        found = [
            event
            for place in places
            for event in await Cluster(client).list(live.EVENTS, place)
            if (event.get("involvedObject") or {}).get("uid") in uids
        ]
        return [
            {
                "timestamp": live.last_seen(event),
                "type": event.get("type") or "",
                "reason": event.get("reason") or "",
                "message": event.get("message") or "",
            }
            for event in sorted(found, key=live.last_seen)
        ]

    async def _is_on_plane(self, run: Manifest) -> bool:
        reference = (run.get("status") or {}).get("runReference")
        if not reference:
            return False
        try:
            client = await self._client(run)
            kind = await client.resolve(reference["apiVersion"], reference["kind"])
            found = await Cluster(client).get(kind, reference["name"], reference.get("namespace"))
        except (NotFoundError, UnreachableError):
            return False
        return found is not None

    async def _pods(
        self, namespace: str, name: str, task: str
    ) -> tuple[KubeClient, list[Manifest]]:
        run = await self._objects.stored(_RUN, name, namespace)
        reference = (run.get("status") or {}).get("runReference")
        if not reference:
            raise NotFoundError("WorkflowRun not found")
        client = await self._client(run)
        marks = {_OF_WORKFLOW: reference["name"]}
        found = await Cluster(client).list(podlogs.PODS, reference.get("namespace"), labels=marks)
        return client, [pod for pod in found if not task or _task_of(pod) == task]

    async def _client(self, run: Manifest) -> KubeClient:
        namespace = run["metadata"]["namespace"]
        selected = run["spec"]["workflow"]
        kind = _WORKFLOWS.get(selected.get("kind") or "ClusterWorkflow")
        workflow = await self._cluster.get(kind, selected["name"], namespace) if kind else None
        reference = ((workflow or {}).get("spec") or {}).get("workflowPlaneRef")
        plane = await self._gatherer.plane("WorkflowPlane", reference, namespace)
        if plane is None:
            raise UnreachableError("cannot reach the workflow plane of the run: none is there")
        return self._live.client_of(plane)


def phase(run: Manifest) -> str:
    """The phase of a run in one word."""
    found = (run.get("status") or {}).get("conditions") or []
    return next((word for kind, word in _PHASES if conditions.is_true(found, kind)), "Pending")


def step(task: Mapping[str, Any]) -> Manifest:
    """A step as the API shows it."""
    fields = {
        "name": task["name"],
        "phase": task.get("phase") or "Pending",
        "startedAt": task.get("startedAt"),
        "finishedAt": task.get("completedAt"),
    }
    return {field: value for field, value in fields.items() if value}


async def _lines(
    client: KubeClient, pod: Manifest, container: str, wanted: podlogs.Wanted
) -> list[Any]:
    metadata = pod["metadata"]
    try:
        return [
            line
            async for line in podlogs.lines(
                client, metadata["namespace"], metadata["name"], container, wanted
            )
        ]
    except ApiError:
        # A container that has not started yet has written nothing.
        return []


def _task_of(pod: Manifest) -> str:
    """The step that a pod runs: the last part of `run[0].step`, without the number of a retry."""
    name = (pod["metadata"].get("annotations") or {}).get(_NODE_NAME) or pod["metadata"]["name"]
    return str(name).rpartition(".")[2].partition("(")[0]
