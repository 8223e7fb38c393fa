"""The controllers as an instance runs them, on the real kube API in this process.

Kube API, controller manager, scheduler and a kubelet whose containers only pretend live in the
loop of the test; the controllers live in a thread of their own and come in through a unix socket.
Used by the scenario, chaos and cost tests.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import bundles, controlplane
from choreo_local.api import labels
from choreo_local.apimachinery import gvk
from choreo_local.controllers.live import LiveObjects
from choreo_local.controllers.operator import Operator
from choreo_local.controllers.runtime import Runtime
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.kubelet.kubelet import Kubelet, KubeletSettings
from choreo_local.embedded.kubelet.simulated import SimulatedRuntime
from choreo_local.embedded.scheduler import Scheduler
from choreo_local.embedded.storage.eventlog import Event
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import WaitTimeoutError
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients
from choreo_local.tasks import TaskGroup
from choreo_local.threads import LoopThread

Object = dict[str, Any]

PLANE_KINDS = ("DataPlane", "WorkflowPlane", "ObservabilityPlane")
VALUES = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://observer.openchoreo.localhost:11080"}
_TOKEN = "a-token-of-the-control-plane"
_USERS = {_TOKEN: User("openchoreo-control-plane", ("system:masters",))}
_NODE = "choreo"
_LOOK_SECONDS = 0.01
# How long nothing may happen before a system counts as settled; far longer than a pass takes.
QUIET_SECONDS = 0.1


class Controllers:
    """The operator in its thread; may be started again after a stop, with nothing remembered."""

    def __init__(self, access: SocketAccess, plane_access: Mapping[str, SocketAccess]) -> None:
        self.runtime: Runtime | None = None
        self.died: list[BaseException] = []
        self._access = access
        self._plane_access = plane_access
        self._thread: LoopThread | None = None
        self._operator: Operator | None = None
        self._live: LiveObjects | None = None
        self._clients: list[KubeClient] = []

    async def start(self) -> None:
        """Start; returns once every kind has been listed."""
        self._thread = LoopThread("controllers")
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._start(), self._thread.loop)
        await asyncio.wrap_future(future)

    async def stop(self) -> None:
        """Stop in the middle of whatever is going on."""
        if self._thread is None or self._operator is None:
            return
        thread, operator, self._thread = self._thread, self._operator, None
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._unwatch(), thread.loop))
        thread.loop.call_soon_threadsafe(operator.stop)
        await asyncio.to_thread(operator.ended.wait, 20)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._close(), thread.loop))
        await asyncio.to_thread(thread.stop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where they run."""
        assert self._thread is not None
        return self._thread.loop

    @property
    def idle(self) -> bool:
        """Whether no pass is under way and none is due now."""
        return self.runtime is not None and self.runtime.queue.idle

    async def _start(self) -> None:
        client = self._access.client()
        planes = PlaneClients()
        self._clients = [client]
        for kind, access in self._plane_access.items():
            connected = access.client()
            planes.connect(kind, labels.DEFAULT, connected)
            self._clients.append(connected)
        self.runtime, self._live = controlplane.build(client, planes)
        self._operator = Operator(self.runtime, login=self._access.session)
        assert self._thread is not None
        self._thread.spawn(self._operator.run(), on_death=self.died.append)
        await self._operator.started.wait()

    async def _unwatch(self) -> None:
        if self._live is not None:
            await self._live.stop()

    async def _close(self) -> None:
        for client in self._clients:
            await client.close()


@dataclass(slots=True)
class Cluster:
    """A kube API that is control plane and every other plane at once."""

    client: KubeClient
    store: Store
    controllers: Controllers
    pretending: SimulatedRuntime
    uids: dict[str, str] = field(default_factory=dict)

    async def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Server-side apply, one after another."""
        await bundles.apply(self.client, list(manifests))

    async def apply_bundle(self, name: str) -> None:
        """Apply a bundle and wait for what it promises."""
        bundle = bundles.load(name)
        manifests = bundle.manifests(VALUES)
        await bundles.apply(self.client, manifests)
        await bundles.wait_for(self.client, bundle, manifests, timeout_seconds=15)

    def events(self, since: int) -> list[Event]:
        """What happened to any object after a revision, in order."""
        found = [
            event
            for resource in self.store.resources()
            for event in self.store.log(resource).since(since)
        ]
        return sorted(found, key=lambda event: event.revision)

    def objects(self, *groups: str) -> Iterator[Object]:
        """Copies of all objects of these groups; of all groups when none is named."""
        for resource in self.store.resources():
            for stored in self.store.select(resource):
                group, _ = gvk.split_api_version(stored.object["apiVersion"])
                if not groups or group in groups:
                    yield stored.fresh()

    async def settle(self, *, timeout_seconds: float = 15) -> None:
        """Wait until nothing has been written for a while and no pass is under way."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_seconds
        seen, since = self.store.revision, loop.time()
        while loop.time() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            is_still = self.store.revision == seen and self.controllers.idle
            if not is_still or not self._is_known():
                seen, since = self.store.revision, loop.time()
            elif loop.time() - since >= QUIET_SECONDS:
                return
        raise WaitTimeoutError(f"the controllers did not settle within {timeout_seconds} s")

    def _is_known(self) -> bool:
        """Whether the controllers have heard of everything that is there."""
        runtime = self.controllers.runtime
        return runtime is None or all(
            _revision(runtime.caches.get(*_place(obj))) >= _revision(obj)
            for obj in self.objects(labels.GROUP)
            if obj["kind"] in runtime.kinds
        )


def _place(obj: Object) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _revision(obj: Object | None) -> int:
    return int(obj["metadata"]["resourceVersion"]) if obj else 0


class Line(Protocol):
    """What lies between the controllers and the kube API."""

    async def open(self, access: SocketAccess) -> SocketAccess: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def cluster(
    *,
    with_controllers: bool = True,
    plane_kinds: Iterable[str] = PLANE_KINDS,
    line: Line | None = None,
) -> AsyncIterator[Cluster]:
    """The whole of it with the CRDs of control plane and data plane; no platform objects."""
    nodes: dict[str, NodeConnection] = {}
    store = Store(MemoryBackend())
    api = KubeApi(store, KubeApiOptions(connect=nodes.get, tokens=_USERS))
    api.admission.plugins.append(Webhooks())
    await api.start()
    client = KubeClient(LocalTransport(api))
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "kube.sock"
        server = Server(api)
        await server.listen_unix(socket)
        access = SocketAccess(socket, _TOKEN)
        if line is not None:
            access = await line.open(access)
        controllers = Controllers(access, dict.fromkeys(plane_kinds, access))
        found = Cluster(client, store, controllers, SimulatedRuntime())
        kubelet = Kubelet(client, found.pretending, KubeletSettings(_NODE, Path(folder)))
        nodes[_NODE] = kubelet.connection
        await kubelet.start()
        try:
            for name in ("core", "dataplane"):
                await found.apply_bundle(name)
            async with _loops(api):
                if with_controllers:
                    await controllers.start()
                yield found
                await controllers.stop()
        finally:
            await controllers.stop()
            if line is not None:
                await line.close()
            await kubelet.stop()
            await server.stop()
            await api.stop()
    assert controllers.died == []


@asynccontextmanager
async def _loops(api: KubeApi) -> AsyncIterator[None]:
    tasks = TaskGroup("informers")
    client = KubeClient(LocalTransport(api), field_manager="kube-controller-manager")
    manager = ControllerManager(client, SharedInformers(client, tasks), root_ca="a certificate")
    manager.start()
    scheduler = Scheduler(KubeClient(LocalTransport(api), field_manager="kube-scheduler"))
    scheduler.start()
    try:
        yield
    finally:
        await scheduler.stop()
        await manager.stop()
        await tasks.stop()
