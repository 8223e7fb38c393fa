"""An Envoy in another network: this machine reaches it, and it reaches this machine."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web

from choreo_local.embedded.network import dnswire
from choreo_local.embedded.network.dnswire import Record, Reply, Type
from choreo_local.embedded.network.entrances import Entrances
from choreo_local.embedded.network.isolated.homesockets import Home, HomeSockets
from choreo_local.embedded.network.isolated.namespaces import Namespaces, path_of
from choreo_local.embedded.network.isolated.rtnetlink import LOOPBACK_INDEX, Routing
from tests.embedded.network.gatewayobjects import prefix, rule
from tests.embedded.network.isolated.machine import sandbox_tools
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.livenetwork import until
from tests.embedded.network.policyobjects import KEYS, extension, token, traffic
from tests.embedded.network.test_datapaths import Upstream, free_port, table
from tests.embedded.network.test_gateway_policies import table as policy_table

PODS = IPv4Network("10.64.0.0/16")


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """A network that leads nowhere."""
    sandbox_tools()
    namespaces = Namespaces(has_home=True)
    assert namespaces.home is not None

    def prepare() -> None:
        routing = Routing()
        routing.bring_up(LOOPBACK_INDEX)
        routing.close()

    await namespaces.run(prepare)
    sockets = HomeSockets(namespaces.home, PODS)
    yield Home(path_of(namespaces.home), "127.0.0.1", sockets)
    sockets.close()
    namespaces.close()


@pytest.fixture
async def live(home: Home, tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path, abroad=home) as made:
        yield made


async def test_requests_of_this_machine_pass_through_it(live: LiveGateway) -> None:
    await live.serve(table(rule(prefix("/"))))
    assert live.path.pid is not None
    network = os.readlink(f"/proc/{live.path.pid}/ns/net")
    assert network != os.readlink("/proc/self/ns/net")
    status = Path(f"/proc/{live.path.pid}/status").read_text(encoding="ascii")
    assert re.search(r"CapEff:\s+0+\n", status)
    found = await asyncio.gather(*(live.client.get("/") for _ in range(100)))
    assert [status for status, _, _ in found] == [200] * 100
    # The client is this machine, as it is where Envoy is here, and nobody is in between.
    _, body, _ = found[0]
    assert body["headers"]["x-forwarded-for"] == "127.0.0.1"
    own = {each.laddr.port for each in psutil.Process().net_connections() if not each.raddr}
    assert live.client.port not in own


async def test_a_port_is_served_again_after_a_crash(live: LiveGateway) -> None:
    await live.serve(table(rule(prefix("/"))))
    first = live.path.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)

    async def is_back() -> bool:
        try:
            status, _, _ = await live.client.get("/")
        except aiohttp.ClientError:
            return False
        return bool(status == 200 and live.path.pid != first)

    await until(is_back)


async def test_where_the_kernel_does_not_ask_connections_are_handed_on(home: Home) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"there")
        writer.close()

    place = ("127.0.0.1", free_port())
    entrances = Entrances(home)
    server = await asyncio.start_server(answer, sock=home.listen(*place))
    async with server:
        await entrances.let_in([place])
        await entrances.knock(place)
        reader, writer = await asyncio.open_connection(*place)
        assert await reader.read() == b"there"
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await entrances.knock(place)
    entrances.close()
    taken = ("127.0.0.1", free_port())
    with socket.create_server(taken):
        await entrances.let_in([taken])
        with pytest.raises(ConnectionRefusedError, match="taken"):
            await entrances.knock(taken)


async def test_what_is_added_on_this_machine_is_reached_too(live: LiveGateway) -> None:
    await live.serve(table(rule(prefix("/"))))
    third = Upstream("three")
    await third.start()
    try:
        await live.serve(table(rule(prefix("/"))), greeter=third.port)
        _, body, _ = await live.client.get("/")
        assert body["upstream"] == "three"
    finally:
        await third.stop()


async def test_keys_of_issuers_come_from_both_sides(home: Home, live: LiveGateway) -> None:
    here = Upstream("issuer")
    here.text["/keys"] = KEYS
    await here.start()
    beyond = free_port()
    server = web.ServerRunner(web.Server(_send_keys))
    await server.setup()
    await web.SockSite(server, home.listen("127.0.0.1", beyond)).start()
    asked: list[str] = []
    naming, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Names(asked), sock=_bound(home.sockets.take(socket.SOCK_DGRAM))
    )
    try:
        for place in (f"idp.localhost:{here.port}", f"keys.example:{beyond}"):
            provider = extension(jwks={"remote": {"url": f"http://{place}/keys"}})
            reference = {"extensionRef": {"name": "tokens"}}
            await live.serve(policy_table(traffic(jwtAuth=reference), provider))
            assert await live.status() == 401
            assert await live.status(token()) == 200, place
        assert asked == ["keys.example"]
    finally:
        naming.close()
        await server.cleanup()
        await here.stop()


async def _send_keys(_: web.BaseRequest) -> web.Response:
    return web.Response(text=KEYS)


def _bound(found: socket.socket) -> socket.socket:
    found.bind(("127.0.0.1", 53))
    return found


class Names(asyncio.DatagramProtocol):
    """Says of every name that it is 127.0.0.1."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dnswire.parse_query(data)
        if query.type != Type.A:
            self._transport.sendto(dnswire.build_reply(query, Reply()), addr)
            return
        if query.name not in self._asked:
            self._asked.append(query.name)
        record = Record(query.name, Type.A, "127.0.0.1", 30)
        self._transport.sendto(dnswire.build_reply(query, Reply(records=(record,))), addr)


async def test_a_port_that_is_taken_here_is_told(live: LiveGateway) -> None:
    with socket.create_server(("127.0.0.1", live.client.port)):
        await live.serve(table(rule(prefix("/"))))
    assert f"cannot listen on port {live.client.port}" in live.path.failure(19080)


async def test_sockets_are_opened_where_pods_are(home: Home) -> None:
    listening = home.listen("127.0.0.1", 8080)
    loop = asyncio.get_running_loop()
    for _ in range(200):
        reaching = home.take()
        await loop.sock_connect(reaching, ("127.0.0.1", 8080))
        listening.accept()[0].close()
        reaching.close()
    listening.close()
    assert home.sockets.socket_for("192.0.2.1") is None
    assert home.sockets.socket_for("name.example") is None
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        found = home.sockets.socket_for("10.64.1.1", kind)
        assert found is not None
        assert found.type == kind
        found.close()


async def test_after_its_end_there_are_no_more_sockets(home: Home) -> None:
    home.sockets.close()
    with pytest.raises(OSError, match="down"):
        home.take()
