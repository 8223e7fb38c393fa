"""The control plane's controllers in a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from choreo_local.allinone.tunnels import Tunnels
from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.controllers import catalogue
from choreo_local.controllers.live import LiveObjects
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.operator import Operator
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.rules import NoObserver
from choreo_local.controllers.runtime import Runtime
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients, PlaneConnection, plane_type
from choreo_local.planes import plane_id as plane_id_of
from choreo_local.threads import LoopThread

_STOP_SECONDS = 20
_SECRET = ResourceKind("", "v1", "Secret", "secrets")


class ControlPlane:
    """Runs the OpenChoreo controllers against one kube API.

    Args:
        access: as the control plane.
        planes: kind → how to reach the local plane of that kind, under plane id `default`.
        on_death: told when the operator ends by itself.
        admission: where the API server reaches our webhooks; None when it has our checks in itself.
        tunnels: to planes elsewhere; None when there are none.
    """

    def __init__(
        self,
        access: KubeAccess,
        *,
        planes: Mapping[str, KubeAccess],
        on_death: Callable[[BaseException], None],
        admission: AdmissionServer | None = None,
        tunnels: Tunnels | None = None,
    ) -> None:
        self._tunnels = tunnels
        self._remote = tunnels.remote("choreo") if tunnels is not None else None
        self._runtime: Runtime | None = None
        self._admission = admission
        self._access = access
        self._plane_access = planes
        self._on_death = on_death
        self._thread = LoopThread("controllers")
        self._operator: Operator | None = None
        self._live: LiveObjects | None = None
        self._clients: list[KubeClient] = []

    def start(self) -> None:
        """Start thread and operator; returns once every kind has been listed."""
        self._thread.start()
        self._thread.call(self._start(), timeout=60)

    def stop(self) -> None:
        """End the operator, its watches and the thread."""
        # kopf waits for the younger tasks of its loop and then cancels them: ours end before.
        self._thread.call(self._stop_watching(), timeout=_STOP_SECONDS)
        if self._operator is not None:
            self._thread.loop.call_soon_threadsafe(self._operator.stop)
            self._operator.ended.wait(_STOP_SECONDS)
        self._thread.call(self._close(), timeout=_STOP_SECONDS)
        self._thread.stop()

    async def _start(self) -> None:
        client = self._access.client()
        planes = PlaneClients(self._remote)
        for kind, access in self._plane_access.items():
            connected = access.client()
            planes.connect(kind, labels.DEFAULT, connected)
            self._clients.append(connected)
        self._clients.append(client)
        runtime, self._live = build(client, planes)
        self._runtime = runtime
        if self._tunnels is not None:
            self._tunnels.subscribe(self._plane_changed)
        self._operator = Operator(runtime, login=self._access.session, admission=self._admission)
        self._thread.spawn(self._operator.run(), on_death=self._on_death)
        await self._operator.started.wait()

    def _plane_changed(self, plane: str, plane_id: str) -> None:
        """Agents of a plane came or went; called in another thread."""
        if not self._thread.loop.is_closed():
            self._thread.loop.call_soon_threadsafe(self._wake_planes, plane, plane_id)

    def _wake_planes(self, plane: str, plane_id: str) -> None:
        assert self._runtime is not None
        for kind in (kind for kind in self._runtime.kinds if plane_type(kind) == plane):
            for obj in self._runtime.caches.list(kind):
                if plane_id_of(obj) == plane_id:
                    metadata = obj["metadata"]
                    self._runtime.wake(kind, metadata.get("namespace") or "", metadata["name"])

    async def _stop_watching(self) -> None:
        if self._live is not None:
            await self._live.stop()

    async def _close(self) -> None:
        await asyncio.gather(*(client.close() for client in self._clients))


class _Planes:
    """Plane references of the controllers, answered from the table of connected planes."""

    def __init__(self, planes: PlaneClients) -> None:
        self._planes = planes

    def client(self, plane: PlaneReference) -> KubeClient:
        return self._planes.client(plane.kind, plane.plane_id, plane.resource)

    def connection(self, plane: PlaneReference) -> PlaneConnection:
        return self._planes.connection(plane.kind, plane.plane_id, plane.resource)


def build(client: KubeClient, connected: PlaneClients) -> tuple[Runtime, LiveObjects]:
    """Runtime and live objects of all controllers; for the loop in which they will run."""
    planes = _Planes(connected)

    async def read_secret(namespace: str, name: str) -> Manifest | None:
        try:
            return await client.get(_SECRET, name, namespace)
        except NotFoundError:
            return None

    live = LiveObjects(planes.client, on_change=lambda obj: runtime.live_changed(obj))
    runtime = Runtime(
        catalogue.all_controllers(planes.connection, read_secret),
        kinds=catalogue.watched_kinds(),
        client=client,
        planes=planes,
        live=live,
        rules=NoObserver(),
    )
    return runtime, live
