"""The cluster gateway of an instance, in a thread of its own that begins with the first caller.

An instance without planes elsewhere pays for two listening sockets and for nothing else: code,
thread, certificates and watches come with the first connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from choreo_local import pki
from choreo_local.allinone import ports
from choreo_local.errors import ChoreoError, UnreachableError
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.threads import LoopThread
from choreo_local.tunnel.planes import PlaneConnection

if TYPE_CHECKING:
    from choreo_local.clustergateway.access import RemotePlanes
    from choreo_local.clustergateway.gateway import ClusterGateway
    from choreo_local.clustergateway.planeapi import PlaneApi
    from choreo_local.clustergateway.server import AgentEndpoint

logger = logging.getLogger(__name__)

AUTHORITY = "openchoreo-cluster-gateway-ca"
_SECONDS = 20
# The names under which upstream's agents and installations know the gateway.
_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "cluster-gateway.openchoreo.localhost",
    "cluster-gateway.openchoreo-control-plane.svc",
    "cluster-gateway.openchoreo-control-plane.svc.cluster.local",
    "host.docker.internal",
    "host.k3d.internal",
)
_CALLERS = ("openchoreo-controller-manager", "openchoreo-api")

OnChange = Callable[[str, str], None]


def authority_folder(pki_folder: Path) -> Path:
    """Where the authority of the gateway's certificate lies, below the instance's keys."""
    return pki_folder / "cluster-gateway"


def server_names(address: str) -> list[str]:
    """What the gateway's certificate is good for."""
    if address == ports.LOOPBACK:
        return list(_NAMES)
    found = {address}
    if address == ports.ANY:
        for addresses in psutil.net_if_addrs().values():
            found |= {each.address for each in addresses if each.family == socket.AF_INET}
    return [*_NAMES, *sorted(found - {*_NAMES, ports.ANY}), socket.gethostname()]


class Tunnels:
    """Serves agents and the plane API once somebody calls.

    Args:
        access: as the control plane.
        pki_folder: of the instance.
        sockets: listening sockets for agents and for the plane API.
    """

    def __init__(
        self, access: KubeAccess, *, pki_folder: Path, sockets: Mapping[str, socket.socket]
    ) -> None:
        self._access = access
        self._pki = pki_folder
        self._sockets = {name: sockets[name] for name in (ports.AGENTS, ports.PLANE_API)}
        self._listeners: list[OnChange] = []
        self._remotes: list[Remote] = []
        self._waiting: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._thread: LoopThread | None = None
        self._client: KubeClient | None = None
        self._gateway: ClusterGateway | None = None
        self._endpoint: AgentEndpoint | None = None
        self._plane_api: PlaneApi | None = None

    def remote(self, field_manager: str) -> Remote:
        """The planes that agents connect us with, for a part of the platform."""
        found = Remote(field_manager)
        self._remotes.append(found)
        return found

    def subscribe(self, on_change: OnChange) -> None:
        """Tell `on_change`, in the gateway's thread, of planes whose connections changed."""
        self._listeners.append(on_change)

    def await_callers(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with the first connection; `loop` watches for it."""
        self._waiting = loop
        loop.call_soon_threadsafe(self._watch, loop)

    def stop(self) -> None:
        """End the gateway, if it ever began."""
        with self._lock:
            self._stopped = True
            if self._waiting is not None and self._thread is None:
                self._waiting.call_soon_threadsafe(self._unwatch, self._waiting)
            if self._thread is not None:
                self._thread.call(self._end(), timeout=_SECONDS)
                self._thread.stop()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        for listening in self._sockets.values():
            listening.setblocking(False)  # noqa: FBT003 - the socket's own
            loop.add_reader(listening.fileno(), self._called, loop)

    def _unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        for listening in self._sockets.values():
            if listening.fileno() >= 0:
                loop.remove_reader(listening.fileno())

    def _called(self, loop: asyncio.AbstractEventLoop) -> None:
        self._unwatch(loop)
        threading.Thread(target=self._begin, name="cluster-gateway-start", daemon=True).start()

    def _begin(self) -> None:
        with self._lock:
            if self._stopped:
                return
            self._thread = LoopThread("cluster-gateway")
            self._thread.start()
            try:
                self._thread.call(self._serve(self._thread.loop), timeout=_SECONDS)
            except (ChoreoError, OSError) as error:
                logger.error("Cluster gateway failed error=%s", error)  # noqa: TRY400 - expected

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        # Loaded late: only planes elsewhere need it.
        from choreo_local.clustergateway.access import RemotePlanes
        from choreo_local.clustergateway.gateway import ClusterGateway
        from choreo_local.clustergateway.planeapi import PlaneApi
        from choreo_local.clustergateway.server import AgentEndpoint

        folder = authority_folder(self._pki)
        authority = pki.ensure_authority(folder, AUTHORITY)
        address = self._sockets[ports.AGENTS].getsockname()[0]
        pki.ensure_server(folder, "tls", authority=authority, hosts=server_names(address))
        callers = self._callers()
        self._client = self._access.client()
        self._gateway = ClusterGateway(self._client, on_change=self._changed)
        certificate, key = folder / "tls.crt", folder / "tls.key"
        self._plane_api = PlaneApi(
            self._gateway, certificate=certificate, key=key, authority=callers / "ca.crt"
        )
        self._endpoint = AgentEndpoint(self._gateway, certificate=certificate, key=key)
        for remote in self._remotes:
            remote.begin(RemotePlanes(self._gateway, loop=loop, field_manager=remote.field_manager))
        await self._plane_api.start(self._sockets[ports.PLANE_API])
        await self._endpoint.start(self._sockets[ports.AGENTS])

    def _callers(self) -> Path:
        """The folder with the certificates of those who may call the plane API."""
        folder = self._pki / "cluster-gateway-internal"
        authority = pki.ensure_authority(folder, "openchoreo-cluster-gateway-internal-ca")
        for name in _CALLERS:
            pki.ensure_client(folder, name, authority=authority, user=name)
        return folder

    async def _end(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.stop()
        if self._plane_api is not None:
            await self._plane_api.stop()
        if self._gateway is not None:
            await self._gateway.stop()
        if self._client is not None:
            await self._client.close()

    def _changed(self, plane: str, plane_id: str) -> None:
        for listener in self._listeners:
            listener(plane, plane_id)


class Remote:
    """Planes of connected agents; implements `planes.Remote`, also before there is a gateway."""

    def __init__(self, field_manager: str) -> None:
        self.field_manager = field_manager
        self._planes: RemotePlanes | None = None

    def begin(self, planes: RemotePlanes) -> None:
        """The gateway runs."""
        self._planes = planes

    def client(self, plane: str, plane_id: str, resource: str) -> KubeClient:
        """A client for a plane object."""
        if self._planes is None:
            raise UnreachableError(f"no agents found for plane {plane}/{plane_id}")
        return self._planes.client(plane, plane_id, resource)

    def connection(self, plane: str, plane_id: str, resource: str) -> PlaneConnection:
        """How a plane object's cluster can be reached now."""
        if self._planes is None:
            return PlaneConnection(0)
        return self._planes.connection(plane, plane_id, resource)
