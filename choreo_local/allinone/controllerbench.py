"""Measures the controllers: many components through three environments, one by one and at once.

Everything is real but nodes: kube API on a file, controller manager, controllers, over the sockets
that an instance has. No node runs pods, as in the measurements that the targets come from.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from choreo_local.admission.plugin import Webhooks
from choreo_local.allinone import bundles
from choreo_local.allinone.controlplane import ControlPlane
from choreo_local.allinone.figures import Figure
from choreo_local.api import labels, registry
from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import WaitTimeoutError
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup
from choreo_local.threads import LoopThread

_TOKEN = "measured"
_USERS = {_TOKEN: User("bench", ("system:masters",))}
_VALUES = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://observer.openchoreo.localhost:11080"}
_BUNDLES = ("core", "dataplane", "platform")
_PLANES = ("DataPlane", "WorkflowPlane", "ObservabilityPlane")
_FURTHER = ("staging", "production")
_THREADS = {
    "kube": "CPU of kube API and controller manager",
    "controllers": "CPU of controllers",
}
_WAIT_SECONDS = 1800
_IDLE_SECONDS = 3.0
# Upstream on the machine of the recordings: components → until applied, until all are deleted.
_UPSTREAM = {50: ("17.5 s", "18.7 s"), 200: ("68.1 s", "63.8 s")}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: sizes of the platform, and changes one by one in each."""

    sizes: Sequence[int]
    changes: int


def measure(extent: Extent, say: Callable[[str], None]) -> dict[int, list[Figure]]:
    """Figures by number of components; each size on a platform of its own."""
    return {size: _measured(size, extent.changes, say) for size in extent.sizes}


def _measured(size: int, changes: int, say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="choreo-bench-") as folder:
        platform = _Platform(Path(folder))
        try:
            platform.start()
            return asyncio.run(_Run(platform, size, changes, say).figures())
        finally:
            platform.stop()


class _Platform:
    """Kube API, controller manager and controllers, each where an instance has them."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "kube.sock"
        self._thread = LoopThread("kube")
        self._store = Store(SqliteBackend(folder / "kube.db"))
        self._api = KubeApi(self._store, KubeApiOptions(tokens=_USERS))
        self._api.admission.plugins.append(Webhooks())
        self._server = Server(self._api)
        self._watches = TaskGroup("informers")
        self._manager: ControllerManager | None = None
        self._died: list[BaseException] = []
        access = SocketAccess(self.socket, _TOKEN)
        self._controllers = ControlPlane(
            access, planes=dict.fromkeys(_PLANES, access), on_death=self._died.append
        )

    @property
    def revision(self) -> int:
        """Counts the writes of everybody."""
        return self._store.revision

    def start(self) -> None:
        """Start all, with the types of a fresh installation."""
        self._thread.start()
        self._thread.call(self._start(), timeout=60)
        self._controllers.start()

    async def _start(self) -> None:
        await self._api.start()
        await self._server.listen_unix(self.socket)
        client = KubeClient(LocalTransport(self._api), field_manager="kube-controller-manager")
        for name in _BUNDLES:
            await bundles.apply(client, bundles.load(name).manifests(_VALUES))
        informers = SharedInformers(client, self._watches)
        self._manager = ControllerManager(client, informers, root_ca="")
        self._manager.start()

    def stop(self) -> None:
        """Stop all; raises what ended the controllers before."""
        self._controllers.stop()
        self._thread.call(self._stop(), timeout=60)
        self._thread.stop()
        if self._died:
            raise self._died[0]

    async def _stop(self) -> None:
        if self._manager is not None:
            await self._manager.stop()
        await self._watches.stop()
        await self._server.stop()
        await self._api.stop()
        self._store.close()


@dataclass(slots=True)
class _Seen:
    """When a condition of each object became true, by name."""

    condition: str
    moments: dict[str, float] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """An object was added, modified or deleted."""
        obj = new or old
        assert obj is not None
        name = obj["metadata"]["name"]
        if new is None:
            self.names.discard(name)
            self.moments.pop(name, None)
        else:
            self.names.add(name)
            found = (new.get("status") or {}).get("conditions") or ()
            if name not in self.moments and conditions.is_true(found, self.condition):
                self.moments[name] = time.perf_counter()
        self.changed.set()

    async def all(self, names: set[str], *, what: str) -> float:
        """Wait for the condition of all of these; the moment at which it was so."""
        return await self.until(lambda: self.moments.keys() >= names, what=what)

    async def until(self, condition: Callable[[], bool], *, what: str) -> float:
        """Wait; the moment at which it was so."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise WaitTimeoutError(f"not within {_WAIT_SECONDS} s: {what}") from None
        return time.perf_counter()


class _Run:
    """One size: everything that is measured there, in order."""

    def __init__(
        self, platform: _Platform, size: int, changes: int, say: Callable[[str], None]
    ) -> None:
        self._platform = platform
        self._size = size
        self._changes = changes
        self._say = say
        self._synced = _Seen("ReleaseSynced")
        self._applied = _Seen("ResourcesApplied")
        self._figures: list[Figure] = []

    async def figures(self) -> list[Figure]:
        """Measure."""
        async with self._following() as client:
            began, revision, cpu = time.perf_counter(), self._platform.revision, _cpu_seconds()
            await self._first_environment(client)
            await self._further_environments(client)
            wall = time.perf_counter() - began
            self._add("all components in three environments", [wall], "s")
            self._add("writes a component", [(self._platform.revision - revision) / self._size], "")
            for thread, name in _THREADS.items():
                self._add(name, [_cpu_seconds()[thread] - cpu[thread]], "s")
            await self._idle()
            await self._one_by_one(client)
            await self._deleted(client)
        return self._figures

    def _add(self, name: str, samples: list[float], unit: str, target: str = "") -> None:
        self._figures.append(Figure(name, target, samples, unit))

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[KubeClient]:
        client = SocketAccess(self._platform.socket, _TOKEN).client(field_manager="bench")
        tasks = TaskGroup("bench")
        seen = (
            (registry.RELEASE_BINDING, self._synced),
            (registry.RENDERED_RELEASE, self._applied),
        )
        try:
            for kind, seeing in seen:
                informer = Informer(client, kind, on_change=seeing.saw)
                tasks.start(informer.run(), name=kind.plural)
                await informer.synced.wait()
            await self._applied.until(lambda: len(self._applied.moments) == 3, what="the cells")
            yield client
        finally:
            await tasks.stop()
            await client.close()

    async def _first_environment(self, client: KubeClient) -> None:
        self._say(f"{self._size} components: applied at once")
        began = time.perf_counter()
        for number in range(self._size):
            await _apply(client, _component(f"c{number}"))
        self._add("the same until all are sent", [time.perf_counter() - began], "s")
        names = {f"c{number}-development" for number in range(self._size)}
        synced = await self._synced.all(names, what="releases")
        applied = await self._applied.all(names, what="objects")
        upstream = _UPSTREAM.get(self._size, ("", ""))[0]
        self._add("until all are rendered", [synced - began], "s")
        target = f"upstream {upstream}" if upstream else ""
        self._add("until all are on the data plane", [applied - began], "s", target)

    async def _further_environments(self, client: KubeClient) -> None:
        self._say(f"{self._size} components: promoted")
        names = set()
        for environment in _FURTHER:
            for number in range(self._size):
                binding = await client.get(
                    registry.RELEASE_BINDING, f"c{number}-development", labels.DEFAULT
                )
                release = binding["spec"]["releaseName"]
                await _apply(client, [_binding(f"c{number}", environment, release)])
                names.add(f"c{number}-{environment}")
        await self._applied.all(names, what="promoted objects")

    async def _idle(self) -> None:
        self._say(f"{self._size} components: left alone")
        await self._quiet()
        revision, cpu = self._platform.revision, _cpu_seconds()
        await asyncio.sleep(_IDLE_SECONDS)
        self._add("writes when nothing changes", [self._platform.revision - revision], "")
        spent = (_cpu_seconds()["controllers"] - cpu["controllers"]) / _IDLE_SECONDS
        self._add("CPU of controllers when nothing changes", [100 * spent], "%")

    async def _quiet(self) -> None:
        """Wait until a second has passed without a write."""
        revision = -1
        while revision != self._platform.revision:
            revision = self._platform.revision
            await asyncio.sleep(1)

    async def _one_by_one(self, client: KubeClient) -> None:
        self._say(f"{self._size} components: {self._changes} more, one by one")
        rendered, live = [], []
        for number in range(self._changes):
            name = f"one{number}-development"
            began = time.perf_counter()
            await _apply(client, _component(f"one{number}"))
            at = await self._synced.all({name}, what=name)
            rendered.append((at - began) * 1e3)
            at = await self._applied.all({name}, what=name)
            live.append((at - began) * 1e3)
        self._add("one more applied → rendered", rendered, "ms", "upstream p50 78 ms")
        self._add("one more applied → on the data plane", live, "ms", "upstream p50 162 ms")

    async def _deleted(self, client: KubeClient) -> None:
        self._say(f"{self._size} components: deleted")
        began = time.perf_counter()
        for number in range(self._size):
            await client.delete(registry.COMPONENT, f"c{number}", labels.DEFAULT)
        gone = {f"c{number}-{each}" for number in range(self._size) for each in _ENVIRONMENTS}
        at = await self._applied.until(
            lambda: self._applied.names.isdisjoint(gone), what="deletions"
        )
        upstream = _UPSTREAM.get(self._size, ("", ""))[1]
        target = f"upstream {upstream}, of one environment" if upstream else ""
        self._add("deleted until all is gone", [at - began], "s", target)


_ENVIRONMENTS = ("development", *_FURTHER)
_KINDS: Mapping[str, ResourceKind] = {
    kind.kind: kind for kind in (registry.COMPONENT, registry.WORKLOAD, registry.RELEASE_BINDING)
}


async def _apply(client: KubeClient, manifests: Iterable[Mapping[str, Any]]) -> None:
    for manifest in manifests:
        await client.apply(_KINDS[manifest["kind"]], manifest, field_manager="bench")


def _manifest(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": labels.DEFAULT}
    return {
        "apiVersion": labels.API_VERSION,
        "kind": kind,
        "metadata": metadata,
        "spec": dict(spec),
    }


def _component(name: str) -> list[dict[str, Any]]:
    """A Component with its Workload: a service with one external endpoint."""
    kind = {"kind": "ClusterComponentType", "name": "deployment/service"}
    owner = {"projectName": labels.DEFAULT}
    endpoint = {"type": "HTTP", "port": 8080, "visibility": ["external"]}
    workload = {
        "owner": {**owner, "componentName": name},
        "container": {"image": "choreo.local/greeter:1.0"},
        "endpoints": {"http": endpoint},
    }
    component = {"owner": owner, "componentType": kind, "autoDeploy": True}
    return [_manifest("Component", name, component), _manifest("Workload", name, workload)]


def _binding(component: str, environment: str, release: str) -> dict[str, Any]:
    owner = {"projectName": labels.DEFAULT, "componentName": component}
    spec = {"owner": owner, "environment": environment, "releaseName": release}
    return _manifest("ReleaseBinding", f"{component}-{environment}", spec)


def _cpu_seconds() -> dict[str, float]:
    """CPU time of the measured threads so far."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    return {
        names[found.id]: found.user_time + found.system_time
        for found in psutil.Process().threads()
        if names.get(found.id) in _THREADS
    }
