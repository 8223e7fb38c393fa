"""A platform for tests: the real kube API with the real bundles; control loops when asked for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import bundles
from choreo_local.allinone.controlplane import ControlPlane
from choreo_local.api import labels
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.kubelet.kubelet import Kubelet, KubeletSettings
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import (
    CallerStreams,
    ContainerRequest,
    OutputSink,
    StreamChoice,
)
from choreo_local.embedded.kubelet.simulated import SimulatedRuntime
from choreo_local.embedded.scheduler import Scheduler
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients
from choreo_local.tasks import TaskGroup
from tests.services import commands

CRASHING_IMAGE = "choreo.local/crash:1.0"
LAST_WORDS = "no DATABASE_URL"
VALUES = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://observer.openchoreo.localhost:11080"}
_NODE = "choreo"
_TOKEN = "a-token-of-the-control-plane"
_USERS = {_TOKEN: User("openchoreo-control-plane", ("system:masters",))}
_TIMEOUT_SECONDS = 15


class PretendingRuntime(SimulatedRuntime):
    """Containers of one image write a line and end at once."""

    async def start_container(self, request: ContainerRequest) -> ContainerRecord:
        """Pretend that it runs, or that it crashed."""
        record = await super().start_container(_speaking(request))
        if request.image.reference == CRASHING_IMAGE:
            self.end(record.id, exit_code=1)
        return record

    async def exec(
        self,
        container_id: str,
        command: Sequence[str],
        streams: CallerStreams,
        choice: StreamChoice,
    ) -> int:
        """Run it on this machine."""
        del container_id
        return await (commands.show_size(streams) if choice.tty else commands.run(command, streams))


def _speaking(request: ContainerRequest) -> ContainerRequest:
    if request.image.reference == CRASHING_IMAGE:
        return replace(request, output=_LastWords(request.output))
    return request


class _LastWords:
    """Replaces what the runtime says by what a crashing program would."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink

    def write(self, stream: str, data: bytes) -> None:
        """Say the last words."""
        del stream, data
        self._sink.write("stderr", f"{LAST_WORDS}\n".encode())

    def close(self) -> None:
        """End."""
        self._sink.close()


@dataclass(slots=True)
class Platform:
    """A kube API that is both control plane and data plane."""

    client: KubeClient
    planes: PlaneClients
    runtime: PretendingRuntime

    async def apply(self, *manifests: dict[str, Any]) -> None:
        """Server-side apply."""
        await bundles.apply(self.client, manifests)

    async def apply_bundle(self, name: str) -> None:
        """Apply a bundle and wait for what it promises."""
        bundle = bundles.load(name)
        manifests = bundle.manifests(VALUES)
        await bundles.apply(self.client, manifests)
        await bundles.wait_for(self.client, bundle, manifests, timeout_seconds=_TIMEOUT_SECONDS)


@asynccontextmanager
async def control_plane(*names: str) -> AsyncIterator[Platform]:
    """The kube API with bundles applied; nothing acts on objects."""
    async with _kube_api() as (platform, _):
        for name in names or ("core",):
            await platform.apply_bundle(name)
        yield platform


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Everything up to simulated pods: a component that is applied becomes ready."""
    async with AsyncExitStack() as stack:
        found, api = await stack.enter_async_context(_kube_api())
        for name in ("core", "dataplane"):
            await found.apply_bundle(name)
        await stack.enter_async_context(_cluster_loops(found, api))
        platform_bundle = bundles.load("platform")
        manifests = platform_bundle.manifests(VALUES)
        await bundles.apply(found.client, manifests)
        await stack.enter_async_context(_controllers(api))
        await bundles.wait_for(
            found.client, platform_bundle, manifests, timeout_seconds=_TIMEOUT_SECONDS
        )
        yield found


@asynccontextmanager
async def _kube_api() -> AsyncIterator[tuple[Platform, KubeApi]]:
    nodes: dict[str, NodeConnection] = {}
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(connect=nodes.get, tokens=_USERS))
    api.admission.plugins.append(Webhooks())
    await api.start()
    client = KubeClient(LocalTransport(api))
    planes = PlaneClients()
    for kind in ("DataPlane", "ObservabilityPlane"):
        planes.connect(kind, labels.DEFAULT, client)
    found = Platform(client, planes, PretendingRuntime())
    with tempfile.TemporaryDirectory() as folder:
        kubelet = Kubelet(client, found.runtime, KubeletSettings(_NODE, Path(folder)))
        nodes[_NODE] = kubelet.connection
        await kubelet.start()
        try:
            yield found, api
        finally:
            await kubelet.stop()
            await api.stop()


@asynccontextmanager
async def _cluster_loops(found: Platform, api: KubeApi) -> AsyncIterator[None]:
    tasks = TaskGroup("informers")
    client = KubeClient(LocalTransport(api), field_manager="kube-controller-manager")
    manager = ControllerManager(client, SharedInformers(client, tasks), root_ca="a certificate")
    manager.start()
    scheduler = Scheduler(found.client)
    scheduler.start()
    try:
        yield
    finally:
        await scheduler.stop()
        await manager.stop()
        await tasks.stop()


@asynccontextmanager
async def _controllers(api: KubeApi) -> AsyncIterator[None]:
    """The controllers as an instance runs them: in a thread of their own."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "kube.sock"
        server = Server(api)
        await server.listen_unix(socket)
        access = SocketAccess(socket, _TOKEN)
        planes = dict.fromkeys(("DataPlane", "ObservabilityPlane"), access)
        controllers = ControlPlane(access, planes=planes, on_death=_died)
        await asyncio.to_thread(controllers.start)
        try:
            yield
        finally:
            await asyncio.to_thread(controllers.stop)
            await server.stop()


def _died(error: BaseException) -> None:
    raise error


def demo(*names: str) -> Sequence[dict[str, Any]]:
    """The manifests of the demo that belong to these components."""
    return [
        manifest
        for manifest in bundles.load("demo").manifests(VALUES)
        if manifest["metadata"]["name"] in names
    ]
