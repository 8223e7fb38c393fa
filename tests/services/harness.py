"""A platform for tests: the real kube API with the real bundles; control loops when asked for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from choreo_local.allinone import bundles
from choreo_local.api import labels
from choreo_local.controllers import catalogue
from choreo_local.controllers.live import LiveObjects
from choreo_local.controllers.operator import Operator
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.renderedrelease import handlers as renderedrelease
from choreo_local.controllers.runtime import Runtime
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.kubelet.kubelet import Kubelet, KubeletSettings
from choreo_local.embedded.kubelet.simulated import SimulatedRuntime
from choreo_local.embedded.scheduler import Scheduler
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients
from choreo_local.tasks import TaskGroup

VALUES = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://observer.openchoreo.localhost:11080"}
_NODE = "choreo"
_TIMEOUT_SECONDS = 15


@dataclass(slots=True)
class Platform:
    """A kube API that is both control plane and data plane."""

    client: KubeClient
    planes: PlaneClients
    runtime: SimulatedRuntime

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
        await stack.enter_async_context(_controllers(found, api))
        bundle = bundles.load("platform")
        await bundles.apply(found.client, bundle.manifests(VALUES))
        yield found


@asynccontextmanager
async def _kube_api() -> AsyncIterator[tuple[Platform, KubeApi]]:
    nodes: dict[str, NodeConnection] = {}
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(connect=nodes.get))
    await api.start()
    client = KubeClient(LocalTransport(api))
    planes = PlaneClients()
    for kind in ("DataPlane", "ObservabilityPlane"):
        planes.connect(kind, labels.DEFAULT, client)
    found = Platform(client, planes, SimulatedRuntime())
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
async def _controllers(found: Platform, api: KubeApi) -> AsyncIterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "kube.sock"
        server = Server(api)
        await server.listen_unix(socket)
        live, operator = _operator(found, socket)
        running = asyncio.create_task(operator.run())
        await asyncio.wait_for(operator.started.wait(), _TIMEOUT_SECONDS)
        try:
            yield
        finally:
            operator.stop()
            await running
            await live.stop()
            await server.stop()


def _operator(found: Platform, socket: Path) -> tuple[LiveObjects, Operator]:
    planes = _Planes(found.planes)

    def on_change(obj: dict[str, Any]) -> None:
        owner = renderedrelease.owner_of(obj)
        if owner is not None:
            runtime.wake("RenderedRelease", *owner)

    live = LiveObjects(
        planes.client,
        label_selector=renderedrelease.LABEL_SELECTOR,
        release_label=labels.RENDERED_RELEASE_UID,
        on_change=on_change,
    )
    runtime = Runtime(
        catalogue.all_controllers(planes.agents),
        kinds=catalogue.watched_kinds(),
        client=found.client,
        planes=planes,
        live=live,
    )

    def login() -> tuple[str, aiohttp.ClientSession]:
        connector = aiohttp.UnixConnector(str(socket), limit=0)
        return "http://kube", aiohttp.ClientSession(connector=connector)

    return live, Operator(runtime, login=login)


class _Planes:
    def __init__(self, planes: PlaneClients) -> None:
        self._planes = planes

    def client(self, plane: PlaneReference) -> KubeClient:
        return self._planes.client(plane.kind, plane.plane_id)

    def agents(self, plane: PlaneReference) -> int:
        return self._planes.agents(plane.kind, plane.plane_id)


def demo(*names: str) -> Sequence[dict[str, Any]]:
    """The manifests of the demo that belong to these components."""
    return [
        manifest
        for manifest in bundles.load("demo").manifests(VALUES)
        if manifest["metadata"]["name"] in names
    ]
