"""Connections to pods through an API server: every byte, no leak, and an end with every failure.

The API server is a small one of the test, which speaks the channels of a port-forward's WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import WSMsgType, web

from choreo_local.clusters.forwarding import ForwardedPath
from choreo_local.embedded.network.datapath import Endpoints, Refusals
from choreo_local.embedded.network.table import (
    Backend,
    BackendKey,
    BackendProtocol,
    Endpoint,
    RouteTable,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport

pytestmark = pytest.mark.timeout(120)

BACKEND = Backend(BackendKey("ns", "service", 80), BackendProtocol.HTTP1)
POD = Endpoint("10.42.0.7", 8080)
LOST = Endpoint("10.42.0.99", 8080)
PATH = "/api/v1/namespaces/ns/pods/pod/portforward"


@dataclass(slots=True)
class Recorded:
    """A data path that remembers what it was told; implements `DataPath`."""

    endpoints: dict[Backend, tuple[Endpoint, ...]] = field(default_factory=dict)
    enforces: bool = True

    async def start(self) -> None: ...

    async def apply(self, table: RouteTable, endpoints: Endpoints) -> None:
        del table
        self.endpoints = dict(endpoints)

    async def update(self, endpoints: Endpoints) -> None:
        self.endpoints.update(endpoints)

    def failure(self, port: int) -> str:
        return f"port {port} is taken"

    def refusals(self) -> Refusals:
        return Refusals({"route": "bad"})

    async def stop(self) -> None: ...

    @property
    def port(self) -> int:
        """Where the only backend is to be connected to."""
        (endpoint,) = self.endpoints[BACKEND]
        assert endpoint.address == "127.0.0.1"
        return endpoint.port


@dataclass(slots=True)
class ApiServer:
    """Echoes what is sent to a port of its pod; port 1 refuses.

    Attributes:
        asked: the ports that were asked for.
        open: how many connections are forwarded at the moment.
        idle: set while there is none.
    """

    asked: list[str] = field(default_factory=list)
    open: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def forward(self, request: web.Request) -> web.WebSocketResponse:
        self.asked.append(request.query["ports"])
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        port = struct.pack("<H", int(request.query["ports"]))
        self.open += 1
        self.idle.clear()
        try:
            await socket.send_bytes(b"\x00" + port)
            await socket.send_bytes(b"\x01" + port)
            if request.query["ports"] == "1":
                await socket.send_bytes(b"\x01connection refused")
            async for message in socket:
                if message.type is WSMsgType.BINARY and message.data[:1] == b"\x00":
                    await socket.send_bytes(b"\x00" + message.data[1:])
        finally:
            self.open -= 1
            if not self.open:
                self.idle.set()
        return socket


@asynccontextmanager
async def forwarded() -> AsyncIterator[tuple[ForwardedPath, Recorded, ApiServer]]:
    """A path through an API server that has one pod."""
    server = ApiServer()
    app = web.Application()
    app.router.add_get(PATH, server.forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = KubeClient(AiohttpTransport(f"http://127.0.0.1:{port}"))
    inner = Recorded()
    path = ForwardedPath(
        inner, client, lambda address: ("ns", "pod") if address == POD.address else None
    )
    await path.start()
    try:
        yield path, inner, server
    finally:
        await path.stop()
        await client.close()
        await runner.cleanup()


async def exchanged(port: int, content: bytes) -> bytes:
    """What comes back from a port for what is sent there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    await writer.drain()
    answer = await reader.readexactly(len(content))
    writer.close()
    return answer


async def test_every_byte_arrives_on_each_of_many_connections() -> None:
    async with forwarded() as (path, inner, server):
        await path.apply(RouteTable(()), {BACKEND: (POD,)})
        contents = [bytes([number]) * (number * 20_011 + 1) for number in range(12)]
        answers = await asyncio.gather(*(exchanged(inner.port, one) for one in contents))
        assert answers == contents
        assert server.asked == ["8080"] * 12
        await asyncio.wait_for(server.idle.wait(), 60)


async def ends(port: int) -> bytes:
    """What is read from a port until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        answer = await reader.read()
        writer.close()
        return answer
    return b""


async def test_a_pod_that_is_not_known_ends_the_connection() -> None:
    async with forwarded() as (path, inner, server):
        await path.apply(RouteTable(()), {BACKEND: (LOST,)})
        assert await ends(inner.port) == b""
        assert server.asked == []


async def test_a_port_that_refuses_ends_the_connection() -> None:
    async with forwarded() as (path, inner, server):
        await path.apply(RouteTable(()), {BACKEND: (Endpoint(POD.address, 1),)})
        assert await ends(inner.port) == b""
        await asyncio.wait_for(server.idle.wait(), 60)


async def test_endpoints_that_are_gone_are_not_listened_for() -> None:
    async with forwarded() as (path, inner, server):
        await path.apply(RouteTable(()), {BACKEND: (POD,)})
        port = inner.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        await path.update({BACKEND: ()})
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port)
        await asyncio.wait_for(server.idle.wait(), 60)


async def test_an_endpoint_keeps_its_place_over_changes() -> None:
    async with forwarded() as (path, inner, _):
        await path.apply(RouteTable(()), {BACKEND: (POD,)})
        before = inner.port
        await path.apply(RouteTable(()), {BACKEND: (POD,)})
        assert inner.port == before
        assert path.failure(80) == "port 80 is taken"
        assert path.refusals() == inner.refusals()
