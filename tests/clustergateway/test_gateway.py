"""Several agents, silent agents, agents that die in the middle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from choreo_local import clock, pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clustergateway.access import RemotePlanes
from choreo_local.clustergateway.agentsocket import Heartbeat
from choreo_local.clustergateway.channel import Channel, opened
from choreo_local.clustergateway.connections import AgentConnection
from choreo_local.errors import TooLargeError, UnreachableError
from choreo_local.kubeclient.transport import Transport
from choreo_local.pki import Identity
from choreo_local.planes import PlaneClients
from choreo_local.threads import LoopThread
from choreo_local.tunnel.messages import EXEC, StreamInit
from tests.clustergateway import harness
from tests.clustergateway.harness import Site

CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
WHERE = ("dataplane", "prod", "default/prod")


@asynccontextmanager
async def prod(folder: Path, **more: Heartbeat) -> AsyncIterator[tuple[Site, Identity]]:
    """A site with a plane, and a certificate for its agents."""
    async with harness.site(folder, **more) as site:
        authority = pki.create_authority("plane")
        await site.apply(harness.data_plane("prod", authority))
        yield site, pki.issue_client(authority, "prod")


@asynccontextmanager
async def silent(
    site: Site, identity: Identity, headers: Mapping[str, str] | None = None, *, wanted: int = 1
) -> AsyncIterator[ClientConnection]:
    """An agent that takes frames and never says anything."""
    context = site.credentials(identity, "silent").context()
    url = f"wss://localhost:{site.port}/ws?planeType=dataplane&planeID=prod"
    async with connect(
        url, ssl=context, ping_interval=None, close_timeout=0.2, additional_headers=headers
    ) as socket:
        await harness.until(lambda: count(site) == wanted, what="the agent is connected")
        yield socket


def count(site: Site) -> int:
    return len(site.gateway.connections.of_plane("dataplane", "prod"))


class Counted:
    """A backend that notes who was asked."""

    def __init__(self, name: str, inner: Transport, asked: Counter[str]) -> None:
        self._name = name
        self._inner = inner
        self._asked = asked

    def __getattr__(self, name: str) -> object:
        self._asked[self._name] += 1
        return getattr(self._inner, name)


async def test_several_agents_take_turns(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()
    async with prod(tmp_path) as (site, identity), AsyncExitStack() as stack:
        other = await stack.enter_async_context(harness.kube_api())
        for name in ("a", "b", "c"):
            served: object = Counted(name, other.transport, asked)
            agent = site.agent(identity, served, plane_id="prod", name=name)  # type: ignore[arg-type]  # by attribute
            site.run(agent)
        await harness.until(lambda: count(site) == 3, what="all agents are connected")
        client = site.reaching("prod", "default/prod")
        for _ in range(30):
            await client.list(CONFIG_MAPS)
        assert asked == Counter({"a": 10, "b": 10, "c": 10})


async def test_what_changes_nothing_is_asked_again_when_an_agent_dies(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), harness.kube_api() as other:
        async with silent(site, identity) as socket:
            client = site.reaching("prod", "default/prod")
            reading = asyncio.create_task(client.list(CONFIG_MAPS))
            await socket.recv()
            agent = site.agent(identity, other.transport, plane_id="prod")
            site.run(agent)
            await harness.until(lambda: count(site) == 2, what="a second agent is connected")
            socket.transport.abort()
        assert (await reading).items == []


async def test_a_write_is_not_repeated_when_its_agent_dies(tmp_path: Path) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"},
    }
    async with prod(tmp_path) as (site, identity):
        async with silent(site, identity) as socket:
            client = site.reaching("prod", "default/prod")
            writing = asyncio.create_task(client.create(CONFIG_MAPS, manifest))
            await socket.recv()
            socket.transport.abort()
        with pytest.raises(UnreachableError, match="agent of dataplane/prod was lost"):
            await writing


async def test_an_agent_that_gives_no_answer(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), silent(site, identity):
        transport = site.reaching("prod", "default/prod").transport
        with pytest.raises(UnreachableError, match="gave no answer within 0 s"):
            await transport.request("GET", "/api", timeout_seconds=0.05)
        (connection,) = site.gateway.connections
        assert connection.under_way == 0


async def test_an_agent_that_gives_no_sign_of_life(tmp_path: Path) -> None:
    beats = Heartbeat(interval_seconds=0.1, timeout_seconds=5)
    async with (
        prod(tmp_path, heartbeat=beats) as (site, identity),
        silent(site, identity) as socket,
    ):
        (connection,) = site.gateway.connections
        connected = connection.last_seen
        await harness.until(lambda: connection.last_seen > connected, what="pongs are counted")
        socket.transport.pause_reading()
        await harness.until(lambda: count(site) == 0, what="the gateway gave it up")


async def test_an_agent_that_dials_again_takes_the_place_of_its_lost_connection(
    tmp_path: Path,
) -> None:
    async with prod(tmp_path) as (site, identity):
        headers = {"X-Choreo-Process": "one"}
        async with silent(site, identity, headers) as first, silent(site, identity, headers):
            await first.wait_closed()
            assert count(site) == 1
        async with silent(site, identity), silent(site, identity, wanted=2):
            # Agents of upstream do not say who they are: both count.
            assert count(site) == 2


async def test_bodies_that_no_agent_takes_are_not_sent(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), silent(site, identity):
        transport = site.reaching("prod", "default/prod").transport
        with pytest.raises(TooLargeError):
            await transport.request("POST", "/api", body=bytes((10 << 20) + 1))


async def test_a_reader_that_is_too_slow_for_upstream_loses_its_stream(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), silent(site, identity) as socket:
        init = StreamInit(clock.new_uid(), "k8s", "POST", "/exec", upgrade="SPDY/3.1")
        loop = asyncio.get_running_loop()
        async with opened(site.gateway, WHERE, init, gateway_loop=loop) as channel:
            await socket.recv()
            chunk = f'{{"requestID":"{init.request_id}","data":"{"A" * (4 << 20)}"}}'
            (connection,) = site.gateway.connections
            for _ in range(8):
                await socket.send(chunk)
            await harness.until(
                lambda: connection.under_way == 0, what="the gateway has ended the stream"
            )
            with pytest.raises(UnreachableError, match="too slow"):
                await _drain(channel)


async def _drain(channel: Channel) -> None:
    while await channel.read() is not None:
        pass


async def test_an_agent_of_upstream_that_does_not_read_holds_its_caller_back(
    tmp_path: Path,
) -> None:
    async def flood(channel: Channel) -> None:
        for _ in range(512):
            await channel.send(bytes(64 << 10))
            await asyncio.sleep(0)

    async with prod(tmp_path) as (site, identity), silent(site, identity):
        init = StreamInit("flood", "k8s", "POST", "/exec", upgrade=EXEC)
        loop = asyncio.get_running_loop()
        (connection,) = site.gateway.connections
        async with opened(site.gateway, WHERE, init, gateway_loop=loop) as channel:
            sending = asyncio.create_task(flood(channel))
            await harness.until(
                lambda: sending.done() or is_full(connection), what="the network is full"
            )
            for _ in range(2 * 512):
                # As many turns as the rest would take.
                await asyncio.sleep(0)
            assert not sending.done()
            sending.cancel()


def is_full(connection: AgentConnection) -> bool:
    waiting = connection.drained()
    try:
        waiting.send(None)
    except StopIteration:
        return False
    waiting.close()
    return True


async def test_streams_of_a_lost_agent_break(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), silent(site, identity) as socket:
        init = StreamInit(clock.new_uid(), "k8s", "GET", "/api", upgrade="choreo.http/v1")
        loop = asyncio.get_running_loop()
        async with opened(site.gateway, WHERE, init, gateway_loop=loop) as channel:
            reading = asyncio.create_task(channel.read())
            await socket.recv()
            socket.transport.abort()
            with pytest.raises(UnreachableError, match="was lost"):
                await reading


async def test_planes_are_reached_from_other_threads(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), harness.kube_api() as other:
        agent = site.agent(identity, other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")
        loop = asyncio.get_running_loop()
        planes = PlaneClients(RemotePlanes(site.gateway, loop=loop, field_manager="test"))
        client = planes.client("DataPlane", "prod", "default/prod")
        thread = LoopThread("other")
        thread.start()
        try:
            found = asyncio.run_coroutine_threadsafe(_use(client.transport), thread.loop)
            status, first = await asyncio.wrap_future(found)
        finally:
            await asyncio.to_thread(thread.stop)
        assert status == 200
        assert first.startswith(b'{"type":"ADDED"')
        await harness.until(
            lambda: all(each.under_way == 0 for each in site.gateway.connections),
            what="the watch has ended",
        )


async def _use(transport: Transport) -> tuple[int, bytes]:
    """A request, and the first event of a watch."""
    path = "/api/v1/namespaces"
    found = await transport.request("GET", path)
    async with transport.stream("GET", path, query={"watch": "true"}) as response:
        async for piece in response.chunks():
            return found.status, piece
    raise AssertionError("the watch ended without an event")


async def test_garbage_on_the_port_harms_nobody(tmp_path: Path) -> None:
    async with prod(tmp_path) as (site, identity), harness.kube_api() as other:
        for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 64, b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(data)
            if writer.can_write_eof():
                writer.write_eof()
            await reader.read()
            writer.close()
        agent = site.agent(identity, other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="an agent is connected")


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/ws?planeID=p", 400, "missing planeType parameter"),
        ("/ws?planeType=dataplane", 400, "missing planeID parameter"),
        ("/ws?planeType=moon&planeID=p", 400, "invalid planeType: must be 'dataplane', "),
        ("/other?planeType=dataplane&planeID=p", 404, "not found"),
        ("//[?planeType=dataplane&planeID=p", 400, "cannot read the request"),
    ],
)
async def test_claims_are_checked(tmp_path: Path, target: str, status: int, text: str) -> None:
    async with prod(tmp_path) as (site, identity):
        context = site.credentials(identity, "strange").context()
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{_UPGRADE}\r\n"
        reader, writer = await asyncio.open_connection("localhost", site.port, ssl=context)
        writer.write(request.encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert text in answer


_UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
