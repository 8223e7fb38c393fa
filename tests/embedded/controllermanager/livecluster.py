"""A kube API with the control loops, and a node on which Pods are ready at once when wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup

NODE = "node"
WAIT_SECONDS = 30.0


def assigned(template: dict[str, Any]) -> dict[str, Any]:
    """A Pod template whose Pods need no scheduler."""
    return {**template, "spec": {**template["spec"], "nodeName": NODE}}


class LiveCluster:
    """Objects through a client, and waiting for what the loops make of them."""

    def __init__(self, client: KubeClient) -> None:
        self.client = client
        self.informers: SharedInformers | None = None

    async def create(self, kind: ResourceKind, obj: Manifest, namespace: str = "default") -> Any:
        metadata = dict(obj["metadata"])
        if kind.namespaced:
            metadata.setdefault("namespace", namespace)
        wanted = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": metadata}
        return await self.client.create(kind, wanted)

    async def items(self, kind: ResourceKind, namespace: str = "default") -> list[Manifest]:
        """The objects of a kind, without those that every cluster has from its first moment."""
        found = await self.client.list(kind, namespace if kind.namespaced else None)
        return [each for each in found.items if each["metadata"]["name"] != "kubernetes"]

    async def find(
        self, kind: ResourceKind, name: str, namespace: str = "default"
    ) -> Manifest | None:
        try:
            return await self.client.get(kind, name, namespace if kind.namespaced else None)
        except NotFoundError:
            return None

    async def until(
        self,
        kind: ResourceKind,
        fulfilled: Callable[[list[Manifest]], Any],
        namespace: str = "default",
    ) -> list[Manifest]:
        """Wait until the objects of a kind fulfil something; answers them."""
        found: list[Manifest] = []
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    found = await self.items(kind, namespace)
                    if fulfilled(found):
                        return found
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError(f"not fulfilled by {found}") from None

    async def until_one(
        self, kind: ResourceKind, name: str, fulfilled: Callable[[Manifest], Any]
    ) -> Manifest:
        """Wait until one object fulfils something; answers it."""

        def named(found: list[Manifest]) -> list[Manifest]:
            return [each for each in found if each["metadata"]["name"] == name]

        found = await self.until(kind, lambda all_: any(fulfilled(each) for each in named(all_)))
        return named(found)[0]

    async def set_pod(self, pod: Manifest, *, phase: str = "Running", ready: bool = True) -> None:
        """Report a Pod as a kubelet does."""
        metadata = pod["metadata"]
        number = int(clock.new_uid()[:4], 16)
        ip = f"10.64.{number // 256}.{number % 256}"
        status = {
            "phase": phase,
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": clock.timestamp(),
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": clock.timestamp(),
                }
            ],
        }
        await self.client.patch(
            kinds.PODS,
            metadata["name"],
            {"status": status},
            metadata["namespace"],
            subresource="status",
        )


class ReadyNode:
    """Makes the Pods of the node ready at once, and ends those that are deleted."""

    def __init__(self, cluster: LiveCluster, informers: SharedInformers) -> None:
        self._cluster = cluster
        self._waiting: asyncio.Queue[Manifest] = asyncio.Queue()
        informers.of(kinds.PODS).add_callback(self._changed)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is None:
            return
        is_new = "podIP" not in (new.get("status") or {})
        if new["metadata"].get("deletionTimestamp") or is_new:
            self._waiting.put_nowait(new)

    async def run(self) -> None:
        while True:
            pod = await self._waiting.get()
            metadata = pod["metadata"]
            try:
                if metadata.get("deletionTimestamp"):
                    await self._cluster.client.delete(
                        kinds.PODS, metadata["name"], metadata["namespace"],
                        uid=metadata["uid"], grace_seconds=0,
                    )  # fmt: skip
                else:
                    await self._cluster.set_pod(pod)
            except NotFoundError:
                continue


@asynccontextmanager
async def live_cluster(*, ready_node: bool = False) -> AsyncIterator[LiveCluster]:
    """A cluster in memory with all control loops."""
    api = KubeApi(Store(MemoryBackend()))
    await api.start()
    client = KubeClient(LocalTransport(api), field_manager="kube-controller-manager")
    tasks = TaskGroup("test")
    informers = SharedInformers(client, tasks)
    cluster = LiveCluster(KubeClient(LocalTransport(api)))
    cluster.informers = informers
    await cluster.create(kinds.NODES, {"metadata": {"name": NODE}})
    manager = ControllerManager(client, informers, root_ca="a certificate")
    manager.start()
    if ready_node:
        tasks.start(ReadyNode(cluster, informers).run(), name="node")
    await cluster.until(kinds.SERVICE_ACCOUNTS, len)
    try:
        yield cluster
    finally:
        await manager.stop()
        await tasks.stop()
        await api.stop()
