"""A kube API with shared informers, for the servers of the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.network import kinds
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup


class LiveNetwork:
    """Creates what servers answer from."""

    def __init__(self, kube: KubeClient, informers: SharedInformers) -> None:
        self.kube = kube
        self.informers = informers

    async def create(self, kind: ResourceKind, obj: dict[str, Any]) -> None:
        kept = ("name", "namespace", "labels")
        metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
        await self.kube.create(
            kind, {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        )


@asynccontextmanager
async def live_network() -> AsyncIterator[LiveNetwork]:
    """A cluster in memory with the namespace `apps`."""
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(service_range="127.96.0.0/16"))
    await api.start()
    kube = KubeClient(LocalTransport(api))
    tasks = TaskGroup("test")
    try:
        await kube.create(kinds.NAMESPACES, {"metadata": {"name": "apps"}})
        yield LiveNetwork(kube, SharedInformers(kube, tasks))
    finally:
        await tasks.stop()
        await api.stop()


async def until(fulfilled: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is true; answers it."""
    async with asyncio.timeout(30):
        while True:
            found = await fulfilled()
            if found:
                return found
            await asyncio.sleep(0.005)
