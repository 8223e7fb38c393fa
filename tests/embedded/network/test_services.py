"""Cluster addresses of Services on this machine's loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from choreo_local.embedded.network import kinds, serviceports
from choreo_local.embedded.network.balancing import Balancer
from choreo_local.embedded.network.serviceports import Entrance, ServicePort
from choreo_local.embedded.network.services import ServiceProxy
from choreo_local.embedded.network.table import Endpoint
from tests.embedded.network.gatewayobjects import endpoint_slice, service
from tests.embedded.network.livenetwork import LiveNetwork, live_network, until
from tests.embedded.network.test_datapaths import free_port

READY = {"ready": True}
ONE, TWO, THREE = (Endpoint(f"127.64.0.{n}", 80) for n in (1, 2, 3))


def test_entrances_are_cluster_addresses_and_node_ports() -> None:
    plain = service()
    node = service("node", nodePort=30080)
    node["spec"]["clusterIP"] = "10.96.0.1"
    headless = service("headless")
    headless["spec"]["clusterIP"] = "None"

    assert serviceports.entrances([plain, node, headless], ["127.0.0.1", "127.128.0.1"]) == {
        Entrance("127.96.0.10", 8080, "TCP"): ServicePort("apps", "greeter", 8080),
        Entrance("127.0.0.1", 30080, "TCP"): ServicePort("apps", "node", 8080),
        Entrance("127.128.0.1", 30080, "TCP"): ServicePort("apps", "node", 8080),
    }


def test_entrances_are_balancers_and_where_possible_external_addresses() -> None:
    balanced = service()
    balanced["status"] = {"loadBalancer": {"ingress": [{"ip": "127.128.0.9"}, {"hostname": "x"}]}}
    balanced["spec"]["externalIPs"] = ["203.0.113.1", "2001:db8::1"]

    def addresses(**options: Any) -> list[str]:
        return [each.address for each in serviceports.entrances([balanced], [], **options)]

    assert addresses() == ["127.96.0.10", "127.128.0.9"]
    everywhere = addresses(is_offered=serviceports.is_translatable)
    assert everywhere == ["127.96.0.10", "127.128.0.9", "203.0.113.1"]


def test_endpoints_take_turns() -> None:
    balancer = Balancer()
    balancer.use((ONE, TWO, THREE))
    firsts = [balancer.order()[0] for _ in range(4)]
    assert firsts == [ONE, TWO, THREE, ONE]
    assert set(balancer.order()) == {ONE, TWO, THREE}
    balancer.use(())
    assert balancer.order() == []


def test_client_comes_back_to_its_endpoint_until_it_is_gone_or_forgotten() -> None:
    balancer = Balancer()
    balancer.use((ONE, TWO))
    balancer.remember("a", TWO, affinity_seconds=10, now=0)

    def first(now: float) -> Endpoint:
        return balancer.order("a", affinity_seconds=10, now=now)[0]

    assert [first(now) for now in (1, 2, 9)] == [TWO, TWO, TWO]
    assert {first(11), first(11)} == {ONE, TWO}
    balancer.use((ONE,))
    assert first(1) == ONE


@pytest.fixture
async def network() -> AsyncIterator[LiveNetwork]:
    async with live_network() as made:
        yield made


@pytest.fixture
async def proxy(network: LiveNetwork) -> AsyncIterator[ServiceProxy]:
    made = ServiceProxy(network.informers)
    made.start()
    yield made
    await made.stop()


async def echo_server(name: bytes) -> tuple[asyncio.Server, int]:
    """Greets, then sends back all it got when the client has finished."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello from " + name + b"\n")
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, int(server.sockets[0].getsockname()[1])


async def talk(port: int, data: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection("127.96.0.10", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def answers(port: int) -> bool:
    try:
        return bool(await talk(port))
    except OSError:
        return False


async def test_connection_reaches_an_endpoint_both_ways_to_the_end(
    network: LiveNetwork, proxy: ServiceProxy
) -> None:
    server, target = await echo_server(b"one")
    port = free_port()
    await network.create(kinds.SERVICES, service(port=port))
    await network.create(kinds.ENDPOINT_SLICES, endpoint_slice(("127.0.0.1", READY), port=target))
    await until(lambda: answers(port))

    data = bytes(range(256)) * 8000
    assert await talk(port, data) == b"hello from one\n" + data
    server.close()


async def test_endpoint_that_refuses_is_passed_over(
    network: LiveNetwork, proxy: ServiceProxy
) -> None:
    server, target = await echo_server(b"one")
    port = free_port()
    await network.create(kinds.SERVICES, service(port=port))
    both = endpoint_slice(("127.0.0.1", READY), ("127.64.0.250", READY), port=target)
    await network.create(kinds.ENDPOINT_SLICES, both)
    await until(lambda: answers(port))

    assert {await talk(port) for _ in range(6)} == {b"hello from one\n"}
    server.close()


async def test_service_without_endpoints_resets_and_a_deleted_one_refuses(
    network: LiveNetwork, proxy: ServiceProxy
) -> None:
    port = free_port()
    await network.create(kinds.SERVICES, service(port=port))

    async def resets() -> bool:
        try:
            await talk(port)
        except ConnectionResetError:
            return True
        except OSError:
            return False
        return False

    await until(resets)
    await network.kube.delete(kinds.SERVICES, "greeter", "apps")

    async def refuses() -> bool:
        try:
            await talk(port)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    await until(refuses)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.put_nowait(data)


class _Echo(_Datagrams):
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        self.transport.sendto(b"echo " + data, addr)


async def test_datagrams_reach_an_endpoint_and_come_back(
    network: LiveNetwork, proxy: ServiceProxy
) -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    target = server.get_extra_info("sockname")[1]
    port = free_port()
    slice_ = endpoint_slice(("127.0.0.1", READY), port=target)
    slice_["ports"][0]["protocol"] = "UDP"
    await network.create(kinds.SERVICES, service(port=port, protocol="UDP"))
    await network.create(kinds.ENDPOINT_SLICES, slice_)
    client, protocol = await loop.create_datagram_endpoint(
        _Datagrams, remote_addr=("127.96.0.10", port)
    )

    async def answered() -> bool:
        client.sendto(b"x")
        try:
            async with asyncio.timeout(0.05):
                return await protocol.got.get() == b"echo x"
        except TimeoutError:
            return False

    await until(answered)
    # The same client, once its endpoint has gone.
    server.close()
    other, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    slice_["ports"][0]["port"] = other.get_extra_info("sockname")[1]
    name, namespace = (slice_["metadata"][key] for key in ("name", "namespace"))
    change = {"ports": slice_["ports"]}
    await network.kube.patch(kinds.ENDPOINT_SLICES, name, change, namespace)
    await until(answered)
    client.close()
    other.close()
