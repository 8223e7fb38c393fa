"""Garbage collection of Pods: those of nodes that are gone, and too many that have finished.

Kubelets delete the Pods of their node; this loop deletes those that no kubelet looks after.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import conditions
from choreo_local.embedded.controllermanager import kinds, pods
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.errors import ApiError, NotFoundError, UnreachableError
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 20.0
# A node that comes back within this time finds its Pods as they were.
_QUARANTINE = timedelta(seconds=40)
# So many Pods may lie about when they have finished.
_MOST_FINISHED = 12_500
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def garbage(
    found: Sequence[Manifest],
    nodes: Mapping[str, Manifest],
    *,
    lost: Collection[str],
    most_finished: int = _MOST_FINISHED,
) -> Iterator[tuple[Manifest, Manifest | None]]:
    """The Pods to delete, each with the condition to give it before, if any.

    Args:
        found: all Pods.
        nodes: all nodes, by name.
        lost: names of nodes that have been gone for long enough.
        most_finished: how many finished Pods may stay.
    """
    finished = sorted(filter(pods.is_finished, found), key=_rank)
    spare = max(len(finished) - most_finished, 0)
    yield from ((pod, None) for pod in finished[:spare])
    for pod in found:
        name = pod["spec"].get("nodeName") or ""
        if name in lost:
            yield pod, _DISRUPTED
        elif pods.is_terminating(pod) and (not name or _is_out_of_service(nodes.get(name))):
            yield pod, None


def _rank(pod: Manifest) -> tuple[Any, ...]:
    evicted = (pod.get("status") or {}).get("reason") != "Evicted"
    metadata = pod["metadata"]
    return evicted, metadata.get("creationTimestamp") or "", metadata["name"]


def _is_out_of_service(node: Manifest | None) -> bool:
    if node is None:
        return False
    taints = node["spec"].get("taints") or ()
    ready = conditions.is_true((node.get("status") or {}).get("conditions") or (), "Ready")
    return not ready and any(taint["key"] == _OUT_OF_SERVICE for taint in taints)


_DISRUPTED: Manifest = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByPodGC",
    "message": "PodGC: node no longer exists",
}


class PodGarbageLoop:
    """Looks at all Pods every now and then.

    Args:
        informers: of Pods and nodes.
        objects: for writing.
    """

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._client = objects.client
        self._pods = informers.of(kinds.PODS)
        self._nodes = informers.of(kinds.NODES)
        self._missed: dict[str, datetime] = {}

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        tasks.start(self._run(), name="pod garbage collector")

    async def _run(self) -> None:
        await self._pods.synced.wait()
        await self._nodes.synced.wait()
        while True:
            await self.collect()
            await asyncio.sleep(_PERIOD_SECONDS)

    async def collect(self) -> None:
        """Look once at all Pods."""
        found = list(self._pods.list())
        nodes = {node["metadata"]["name"]: node for node in self._nodes.list()}
        lost = self._lost(found, nodes)
        for pod, condition in list(garbage(found, nodes, lost=lost)):
            try:
                await self._remove(pod, condition)
            except NotFoundError:
                continue
            except (ApiError, UnreachableError) as error:
                name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
                logger.warning("Pod not collected pod=%s error=%s", name, error)

    def _lost(self, found: Sequence[Manifest], nodes: Collection[str]) -> set[str]:
        named = {pod["spec"].get("nodeName") or "" for pod in found} - {""}
        now = clock.now()
        self._missed = {name: self._missed.get(name, now) for name in named if name not in nodes}
        return {name for name, since in self._missed.items() if now - since >= _QUARANTINE}

    async def _remove(self, pod: Manifest, condition: Manifest | None) -> None:
        metadata = pod["metadata"]
        if not pods.is_finished(pod):
            status = {**(pod.get("status") or {}), "phase": "Failed"}
            if condition is not None:
                before = status.get("conditions") or ()
                status["conditions"] = conditions.set_(before, condition, now=clock.timestamp())
            change = {"metadata": {"uid": metadata["uid"]}, "status": status}
            await self._client.patch(
                kinds.PODS, metadata["name"], change, metadata["namespace"], subresource="status"
            )
        await self._client.delete(
            kinds.PODS,
            metadata["name"],
            metadata["namespace"],
            uid=metadata["uid"],
            grace_seconds=0,
        )
