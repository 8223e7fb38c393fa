"""A kube API in memory with a kubelet, and ways to wait for what it makes of pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubelet import kinds
from choreo_local.embedded.kubelet.backoff import BackOff
from choreo_local.embedded.kubelet.connection import Connection
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.imagechoice import OpenRealImages
from choreo_local.embedded.kubelet.kubelet import Kubelet, KubeletSettings
from choreo_local.embedded.kubelet.launch import Surroundings, inherited_variables
from choreo_local.embedded.kubelet.plain import PlainProcesses
from choreo_local.embedded.kubelet.process import ProcessRuntime
from choreo_local.embedded.kubelet.runtime import ContainerRuntime
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from tests.embedded.kubelet.processes import IMAGES

NODE = "laptop"
IMAGE = "test.local/tester:1"
WAIT_SECONDS = 60.0


class LiveNode:
    """Makes objects and waits for what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.api = KubeApi(Store(MemoryBackend()), KubeApiOptions(connect=self._connect))
        self.folder = folder
        self.instance_id = clock.new_uid()
        self.client = KubeClient(LocalTransport(self.api))
        self.kubelet: Kubelet | None = None

    def _connect(self, _name: str) -> Connection | None:
        return self.kubelet.connection if self.kubelet else None

    @property
    def running(self) -> Kubelet:
        assert self.kubelet is not None
        return self.kubelet

    def process_runtime(
        self, open_real: OpenRealImages | None = None, *, collect_seconds: float = 300
    ) -> ProcessRuntime:
        surroundings = Surroundings(
            self.instance_id,
            cache_folder=self.folder / "cache",
            inherited=inherited_variables(),
        )
        return ProcessRuntime(
            self.instance_id,
            PlainProcesses(surroundings),
            Catalogue.of_folders([IMAGES]),
            open_real=open_real,
            memory_check_seconds=0.1,
            stop_seconds=0.2,
            collect_seconds=collect_seconds,
        )

    async def start(
        self, runtime: ContainerRuntime | None = None, *, client: KubeClient | None = None
    ) -> Kubelet:
        """Start a kubelet; its back-off is short."""
        initial = timedelta(seconds=0.1)
        local = LocalTransport(self.api, agent="kubelet")
        self.kubelet = Kubelet(
            client or KubeClient(local, field_manager="kubelet"),
            runtime or self.process_runtime(),
            KubeletSettings(
                NODE,
                self.folder / "kubelet",
                restarts=BackOff(initial, initial * 8),
                pulls=BackOff(initial, initial * 8),
            ),
        )
        await self.kubelet.start()
        return self.kubelet

    async def stop(self) -> None:
        """Stop the kubelet; nothing of it may have gone wrong."""
        if self.kubelet is not None:
            await self.kubelet.stop()
            assert self.kubelet.failures == {}
            self.kubelet = None

    async def create(self, kind: ResourceKind, name: str, **fields: Any) -> Manifest:
        """Create an object of the namespace default."""
        metadata = {"name": name, "namespace": "default", **fields.pop("metadata", {})}
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields}
        return await self.client.create(kind, obj)

    async def run(self, *arguments: str, name: str = "p", **fields: Any) -> Manifest:
        """Create a pod of one container `main` that does what its arguments say."""
        container = {"name": "main", "image": IMAGE, "args": list(arguments)}
        container |= fields.pop("container", {})
        return await self.pod(name, containers=[container], **fields)

    async def pod(self, name: str = "p", **spec: Any) -> Manifest:
        """Create a pod on the node."""
        metadata = spec.pop("metadata", {})
        wanted = {"nodeName": NODE, "automountServiceAccountToken": False, **spec}
        return await self.create(kinds.PODS, name, metadata=metadata, spec=wanted)

    async def until(self, fulfilled: Callable[[Manifest], Any], name: str = "p") -> Manifest:
        """Wait until a pod is as it should be; answers it."""
        found: Manifest = {}
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    found = await self.client.get(kinds.PODS, name, "default")
                    if fulfilled(found):
                        return found
                    await asyncio.sleep(0.003)
        except TimeoutError:
            raise AssertionError(f"not fulfilled by {found['status']}") from None

    async def settled(self, look: Callable[[], Awaitable[Any]], wanted: Any) -> None:
        """Wait until a look finds what is wanted."""
        found: Any = None
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    found = await look()
                    if found == wanted:
                        return
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"found {found!r}, not {wanted!r}") from None

    async def until_gone(self, name: str = "p") -> None:
        """Wait until a pod does not exist any more."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                try:
                    await self.client.get(kinds.PODS, name, "default")
                except NotFoundError:
                    return
                await asyncio.sleep(0.003)

    async def delete(self, name: str = "p", *, grace: int | None = None) -> None:
        await self.client.delete(kinds.PODS, name, "default", grace_seconds=grace)

    async def events(self, name: str = "p") -> list[tuple[str, str, str]]:
        """Type, reason and message of the events of an object, oldest first."""
        found = (await self.client.list(kinds.EVENTS, "default")).items
        return [
            (each["type"], each["reason"], each["message"])
            for each in found
            if each["involvedObject"]["name"] == name
        ]

    async def until_event(self, reason: str, name: str = "p") -> str:
        """Wait for an event; answers its message."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                for _, found, message in await self.events(name):
                    if found == reason:
                        return message
                await asyncio.sleep(0.003)


@asynccontextmanager
async def live_node(folder: Path) -> AsyncIterator[LiveNode]:
    """A cluster in memory; the test starts kubelets on it."""
    found = LiveNode(folder)
    await found.api.start()
    await found.create(kinds.SERVICE_ACCOUNTS, "default")
    try:
        yield found
    finally:
        await found.stop()
        await found.api.stop()


def phase(*wanted: str) -> Callable[[Manifest], bool]:
    return lambda pod: pod["status"].get("phase") in wanted


def condition(pod: Manifest, type_: str) -> str:
    conditions = pod["status"].get("conditions") or ()
    return next((found["status"] for found in conditions if found["type"] == type_), "")


def is_ready(pod: Manifest) -> bool:
    return condition(pod, "Ready") == "True"


def main_status(pod: Manifest) -> dict[str, Any]:
    statuses = pod["status"].get("containerStatuses") or [{}]
    found: dict[str, Any] = statuses[0]
    return found


def waiting(reason: str) -> Callable[[Manifest], bool]:
    return lambda pod: (
        (main_status(pod).get("state") or {}).get("waiting", {}).get("reason") == reason
    )
