"""Reach pods whose addresses this machine cannot: through the API server, a connection at a time.

A gateway's data path is given loopback addresses in the place of pods'; what connects there is
forwarded to the pod with the API server's port-forward. Unlike the proxy of Services this carries
any protocol, and every header arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.network.datapath import DataPath, Endpoints, Refusals
from choreo_local.embedded.network.table import Backend, Endpoint, RouteTable
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import WebSocket

logger = logging.getLogger(__name__)

# Namespace and name of the pod at an address; None when no pod has it.
FindPod = Callable[[str], tuple[str, str] | None]

_POD = ResourceKind("", "v1", "Pod", "pods")
_LOOPBACK = "127.0.0.1"
_PROTOCOL = "v4.channel.k8s.io"
_CHUNK = 64 * 1024
# Both channels of a port begin with its number.
_DATA, _ERROR = 0, 1
_PORT_BYTES = 2


class ForwardedPath:
    """A data path that connects to pods through the API server; implements `DataPath`.

    Args:
        path: serves the routes.
        client: with the right to forward ports.
        find_pod: which pod has an address.
    """

    def __init__(self, path: DataPath, client: KubeClient, find_pod: FindPod) -> None:
        self._path = path
        self._client = client
        self._find_pod = find_pod
        self._relays: dict[Endpoint, _Relay] = {}
        self._used: dict[Backend, tuple[Endpoint, ...]] = {}

    @property
    def enforces(self) -> bool:
        """Whether the guards of routes are carried out."""
        return self._path.enforces

    async def start(self) -> None:
        """Start the data path."""
        await self._path.start()

    async def apply(self, table: RouteTable, endpoints: Endpoints) -> None:
        """Serve a table."""
        near = await self._near(endpoints)
        await self._path.apply(table, near)
        self._used = dict(endpoints)
        await self._forget_unused()

    async def update(self, endpoints: Endpoints) -> None:
        """Connect elsewhere for some backends."""
        near = await self._near(endpoints)
        await self._path.update(near)
        self._used.update(endpoints)
        await self._forget_unused()

    def failure(self, port: int) -> str:
        """Why a listener's port cannot be served, empty when it can."""
        return self._path.failure(port)

    def refusals(self) -> Refusals:
        """What of the table is not served although the rest is."""
        return self._path.refusals()

    async def stop(self) -> None:
        """End the data path and all connections."""
        await self._path.stop()
        self._used = {}
        await self._forget_unused()

    async def _near(self, endpoints: Endpoints) -> Endpoints:
        return {
            backend: tuple([await self._relay(one) for one in found])
            for backend, found in endpoints.items()
        }

    async def _relay(self, endpoint: Endpoint) -> Endpoint:
        relay = self._relays.get(endpoint)
        if relay is None:
            relay = self._relays[endpoint] = _Relay(endpoint, self._client, self._find_pod)
            await relay.start()
        return Endpoint(_LOOPBACK, relay.port)

    async def _forget_unused(self) -> None:
        used = {endpoint for found in self._used.values() for endpoint in found}
        for endpoint in [one for one in self._relays if one not in used]:
            await self._relays.pop(endpoint).stop()


class _Relay:
    """Forwards what connects to a port of this machine to one port of one pod."""

    def __init__(self, endpoint: Endpoint, client: KubeClient, find_pod: FindPod) -> None:
        self._endpoint = endpoint
        self._client = client
        self._find_pod = find_pod
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, _LOOPBACK, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._forward(reader, writer)
        except (ApiError, UnreachableError, OSError) as error:
            logger.warning("Not forwarded endpoint=%s error=%s", self._endpoint, error)
        finally:
            self._open.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pod = self._find_pod(self._endpoint.address)
        if pod is None:
            raise UnreachableError(f"no pod has the address {self._endpoint.address}")
        namespace, name = pod
        opening = self._client.transport.websocket(
            _POD.path(namespace, name, "portforward"),
            query={"ports": str(self._endpoint.port)},
            protocols=(_PROTOCOL,),
        )
        async with opening as socket:
            await _first_of(_outward(reader, socket), _inward(socket, writer))


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run until one ends: a forwarded port cannot be closed in one direction alone."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _outward(reader: asyncio.StreamReader, socket: WebSocket) -> None:
    while chunk := await reader.read(_CHUNK):
        await socket.send(bytes([_DATA]) + chunk)


async def _inward(socket: WebSocket, writer: asyncio.StreamWriter) -> None:
    begun: set[int] = set()
    async for message in socket.messages():
        if not message:
            continue
        channel, content = message[0], message[1:]
        if channel not in begun:
            begun.add(channel)
            _check_port(content)
            content = content[_PORT_BYTES:]
        if not content:
            continue
        if channel == _ERROR:
            raise UnreachableError(content.decode(errors="replace"))
        writer.write(content)
        with contextlib.suppress(ConnectionError):
            await writer.drain()


def _check_port(content: bytes) -> None:
    try:
        struct.unpack_from("<H", content)
    except struct.error:
        raise UnreachableError("what answers does not forward ports") from None
