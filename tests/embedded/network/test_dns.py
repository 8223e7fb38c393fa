"""Names of the cluster, on the wire and in the zone."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.embedded.network import dnsforward, dnswire, kinds
from choreo_local.embedded.network.dns import DnsServer
from choreo_local.embedded.network.dnsforward import Forwarder
from choreo_local.embedded.network.dnsrecords import Zone
from choreo_local.embedded.network.dnswire import Code, Type, WireError
from tests.embedded.network.gatewayobjects import endpoint_slice, metadata, service
from tests.embedded.network.livenetwork import LiveNetwork, live_network

READY = {"ready": True}


class Names:
    """A directory of fixed objects."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self._services = {each["metadata"]["name"]: each for each in objects if "spec" in each}
        self._slices = [each for each in objects if "endpoints" in each]

    def service(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self._services.get(name) if namespace == "apps" else None

    def slices(self, namespace: str, name: str) -> Iterable[dict[str, Any]]:
        label = "kubernetes.io/service-name"
        return [each for each in self._slices if each["metadata"]["labels"][label] == name]

    def service_of_address(self, address: str) -> dict[str, Any] | None:
        found = [s for s in self._services.values() if s["spec"].get("clusterIP") == address]
        return found[0] if found else None

    def endpoints_of_address(self, address: str) -> Iterable[tuple[str, str, dict[str, Any]]]:
        for each in self._slices:
            for endpoint in each["endpoints"]:
                if address in endpoint["addresses"]:
                    yield "apps", each["metadata"]["labels"]["kubernetes.io/service-name"], endpoint

    def has_namespace(self, name: str) -> bool:
        return name == "apps"


def headless(name: str = "db") -> dict[str, Any]:
    made = service(name, name="sql")
    made["spec"]["clusterIP"] = "None"
    return made


def members(name: str = "db") -> dict[str, Any]:
    made = endpoint_slice(("127.64.0.1", READY), ("127.64.0.2", READY), service_name=name)
    made["ports"][0]["name"] = "sql"
    made["endpoints"][0]["hostname"] = "db-0"
    return made


NAMES = Names(service(name="http"), headless(), members())


def ask(name: str, type_: int = Type.A, names: Names = NAMES) -> tuple[int, list[str]] | None:
    reply = Zone().answer(names, name, type_)
    return None if reply is None else (reply.code, [each.data for each in reply.records])


def test_service_has_its_cluster_address() -> None:
    assert ask("greeter.apps.svc.cluster.local") == (Code.OK, ["127.96.0.10"])
    assert ask("greeter.apps.svc.cluster.local", Type.AAAA) == (Code.OK, [])
    assert ask("nope.apps.svc.cluster.local") == (Code.NO_SUCH_NAME, [])
    assert ask("greeter.other.svc.cluster.local") == (Code.NO_SUCH_NAME, [])


def test_headless_service_stands_for_its_endpoints() -> None:
    assert ask("db.apps.svc.cluster.local") == (Code.OK, ["127.64.0.1", "127.64.0.2"])
    assert ask("db-0.db.apps.svc.cluster.local") == (Code.OK, ["127.64.0.1"])
    assert ask("127-64-0-2.db.apps.svc.cluster.local") == (Code.OK, ["127.64.0.2"])
    assert ask("db-1.db.apps.svc.cluster.local") == (Code.NO_SUCH_NAME, [])
    assert ask("db.apps.svc.cluster.local", names=Names(headless())) == (Code.NO_SUCH_NAME, [])


def test_named_ports_are_found_by_srv() -> None:
    assert ask("_http._tcp.greeter.apps.svc.cluster.local", Type.SRV) == (
        Code.OK,
        ["0 100 8080 greeter.apps.svc.cluster.local"],
    )
    assert ask("_sql._tcp.db.apps.svc.cluster.local", Type.SRV) == (
        Code.OK,
        [
            "0 100 8080 db-0.db.apps.svc.cluster.local",
            "0 100 8080 127-64-0-2.db.apps.svc.cluster.local",
        ],
    )
    assert ask("_http._udp.greeter.apps.svc.cluster.local", Type.SRV) == (Code.NO_SUCH_NAME, [])


def test_external_name_is_an_alias_for_any_type() -> None:
    external = {
        "metadata": metadata("out"),
        "spec": {"type": "ExternalName", "externalName": "example.com."},
    }
    reply = Zone().answer(Names(external), "out.apps.svc.cluster.local", Type.AAAA)
    assert reply is not None
    assert [each.data for each in reply.records] == ["example.com"]
    assert reply.onward == "example.com"


def alias(name: str, target: str) -> dict[str, Any]:
    spec = {"type": "ExternalName", "externalName": target}
    return {"metadata": metadata(name), "spec": spec}


def test_an_alias_inside_the_cluster_is_followed_to_its_addresses() -> None:
    names = Names(
        service(name="http"),
        alias("one", "two.apps.svc.cluster.local"),
        alias("two", "Greeter.apps.svc.cluster.local"),
        alias("nowhere", "nope.apps.svc.cluster.local"),
        alias("circle", "circle.apps.svc.cluster.local"),
    )
    assert ask("one.apps.svc.cluster.local", names=names) == (
        Code.OK,
        ["two.apps.svc.cluster.local", "Greeter.apps.svc.cluster.local", "127.96.0.10"],
    )
    assert ask("two.apps.svc.cluster.local", Type.AAAA, names) == (
        Code.OK,
        ["Greeter.apps.svc.cluster.local"],
    )
    missing = ask("nowhere.apps.svc.cluster.local", names=names)
    assert missing == (Code.NO_SUCH_NAME, ["nope.apps.svc.cluster.local"])
    assert ask("circle.apps.svc.cluster.local", names=names) == (Code.FAILURE, [])


def test_a_name_outside_may_mean_a_service() -> None:
    zone = Zone(aliases={"machine.outside": "greeter.apps.svc.cluster.local"})
    assert zone.covers("machine.outside")
    assert not zone.covers("other.outside")
    found = zone.answer(NAMES, "machine.outside", Type.A)
    assert found is not None
    assert [each.type for each in found.records] == [Type.CNAME, Type.A]
    assert found.records[0].data == "greeter.apps.svc.cluster.local"
    lost = zone.answer(Names(), "machine.outside", Type.A)
    assert lost is not None
    assert lost.code == Code.NO_SUCH_NAME


def test_what_there_is_not_is_said_by_whom_it_concerns() -> None:
    """Without it, resolvers would not know how long to remember that a name does not exist."""
    for name, type_ in (("nope.apps.svc", Type.A), ("greeter.apps.svc", Type.AAAA)):
        reply = Zone().answer(NAMES, f"{name}.cluster.local", type_)
        assert reply is not None
        (authority,) = reply.authority
        assert (authority.name, authority.type) == ("cluster.local", Type.SOA)
    found = Zone().answer(NAMES, "greeter.apps.svc.cluster.local", Type.A)
    assert found is not None
    assert not found.authority


def test_ports_come_with_the_addresses_of_what_they_name() -> None:
    reply = Zone().answer(NAMES, "_sql._tcp.db.apps.svc.cluster.local", Type.SRV)
    assert reply is not None
    assert [(each.name, each.data) for each in reply.additional] == [
        ("db-0.db.apps.svc.cluster.local", "127.64.0.1"),
        ("127-64-0-2.db.apps.svc.cluster.local", "127.64.0.2"),
    ]


def test_pods_and_pointers() -> None:
    assert ask("127-64-0-9.apps.pod.cluster.local") == (Code.OK, ["127.64.0.9"])
    assert ask("127-64-0.apps.pod.cluster.local") == (Code.NO_SUCH_NAME, [])
    assert ask("10.0.96.127.in-addr.arpa", Type.PTR) == (
        Code.OK,
        ["greeter.apps.svc.cluster.local"],
    )
    assert ask("1.0.64.127.in-addr.arpa", Type.PTR) == (
        Code.OK,
        ["db-0.db.apps.svc.cluster.local"],
    )
    assert ask("9.9.9.9.in-addr.arpa", Type.PTR) is None
    assert Zone().covers("1.0.65.10.in-addr.arpa")
    assert not Zone().covers("9.9.9.9.in-addr.arpa")


def query(name: str, type_: int = Type.A) -> bytes:
    header = struct.pack("!6H", 77, 0x0100, 1, 0, 0, 0)
    return header + dnswire.encode_name(name) + struct.pack("!2H", type_, 1)


def addresses(answer: bytes) -> tuple[int, list[str]]:
    """Response code and the addresses at the end of an answer whose names are pointers."""
    id_, flags, _, count, _, _ = struct.unpack_from("!6H", answer)
    assert id_ == 77
    records = answer[len(answer) - 16 * count :]
    found = [records[16 * n + 12 : 16 * n + 16] for n in range(count)]
    return flags & 0xF, [str(ipaddress.IPv4Address(each)) for each in found]


@given(st.binary(max_size=600))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        parsed = dnswire.parse_query(data)
    except WireError:
        return
    dnswire.build_reply(parsed, dnswire.Reply(), limit=512)


def test_too_long_an_answer_is_cut_and_says_so() -> None:
    parsed = dnswire.parse_query(query("db.apps.svc.cluster.local"))
    records = tuple(
        dnswire.Record(parsed.name, Type.A, f"127.64.0.{number}") for number in range(60)
    )
    answer = dnswire.build_reply(parsed, dnswire.Reply(records=records), limit=512)
    assert len(answer) <= 512
    assert struct.unpack_from("!H", answer, 2)[0] & 0x0200
    # A client that does not ask again over TCP has something at least.
    assert len(addresses(answer)[1]) == (512 - len(query("db.apps.svc.cluster.local"))) // 16


def test_help_that_was_not_asked_for_is_left_out_when_there_is_no_room() -> None:
    parsed = dnswire.parse_query(query("db.apps.svc.cluster.local"))
    records = tuple(dnswire.Record(parsed.name, Type.A, f"127.64.0.{n}") for n in range(25))
    more = dnswire.Reply(records=records, additional=records)
    answer = dnswire.build_reply(parsed, more, limit=512)
    assert not struct.unpack_from("!H", answer, 2)[0] & 0x0200
    assert len(addresses(answer)[1]) == 25


def test_a_client_with_extensions_is_answered_with_them() -> None:
    extension = b"\0" + struct.pack("!2HIH", Type.OPT, 4096, 0, 0)
    data = bytearray(query("db.apps.svc.cluster.local") + extension)
    struct.pack_into("!H", data, 10, 1)
    parsed = dnswire.parse_query(bytes(data))
    assert (parsed.payload, parsed.is_extended) == (1232, True)
    answer = dnswire.build_reply(parsed, dnswire.Reply())
    assert struct.unpack_from("!H", answer, 10) == (1,)
    assert answer.endswith(b"\0" + struct.pack("!2HIH", Type.OPT, 1232, 0, 0))


@pytest.fixture
async def network() -> AsyncIterator[LiveNetwork]:
    async with live_network() as made:
        yield made


@pytest.fixture
async def server(network: LiveNetwork) -> AsyncIterator[DnsServer]:
    made = DnsServer(network.informers, host="127.0.0.1")
    await made.start()
    await network.create(kinds.SERVICES, service())
    await network.create(kinds.SERVICES, headless())
    await network.create(kinds.ENDPOINT_SLICES, members())
    yield made
    await made.stop()


class _Asking(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answered.set_result(data)


async def over_udp(server: DnsServer, data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        _Asking, remote_addr=(server.host, server.port)
    )
    try:
        transport.sendto(data)
        async with asyncio.timeout(30):
            return await protocol.answered
    finally:
        transport.close()


async def over_tcp(server: DnsServer, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(struct.pack("!H", len(data)) + data)
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    answer = await reader.readexactly(length)
    writer.close()
    return answer


async def test_server_answers_over_udp_and_tcp_and_follows_the_cluster(server: DnsServer) -> None:
    name = "db.apps.svc.cluster.local"
    async with asyncio.timeout(30):
        while True:
            found = addresses(await over_udp(server, query(name)))
            if found[0] == Code.OK:
                break
            await asyncio.sleep(0.005)
    both = {"127.64.0.1", "127.64.0.2"}
    firsts = set()
    for _ in range(2):
        told = addresses(await over_tcp(server, query(name)))[1]
        assert set(told) == both
        firsts.add(told[0])
    # Not everybody shall take the same one.
    assert firsts == both


async def test_local_names_are_this_machine_and_junk_is_ignored(server: DnsServer) -> None:
    name = "development-default.example.localhost"
    assert addresses(await over_udp(server, query(name))) == (Code.OK, ["127.0.0.1"])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await over_udp(server, b"junk")


async def test_a_name_without_an_address_of_a_family_exists_all_the_same(server: DnsServer) -> None:
    assert addresses(await over_udp(server, query("192.0.2.7"))) == (Code.OK, ["192.0.2.7"])
    assert addresses(await over_udp(server, query("192.0.2.7", Type.AAAA))) == (Code.OK, [])


async def test_an_alias_to_the_outside_is_looked_up(
    network: LiveNetwork, server: DnsServer
) -> None:
    out = alias("out", "db.example.localhost.")
    await network.create(kinds.SERVICES, {"apiVersion": "v1", "kind": "Service", **out})
    async with asyncio.timeout(30):
        while True:
            answer = await over_udp(server, query("out.apps.svc.cluster.local"))
            if addresses(answer)[0] == Code.OK:
                break
            await asyncio.sleep(0.005)
    assert b"\2db\7example\x09localhost\0" in answer
    assert answer.endswith(ipaddress.IPv4Address("127.0.0.1").packed)


TEXT = 16


class _Outside(asyncio.DatagramProtocol):
    """A server of the outside whose answer over UDP is only part of the one over TCP."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(b"xx" + data[2:], addr)  # somebody else's
        self._transport.sendto(data[:2] + b"\x83\x80" + data[4:] + b"part", addr)


async def _serve_outside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    length = await reader.readexactly(2)
    data = await reader.readexactly(int.from_bytes(length, "big"))
    answer = data[:2] + b"\x81\x80" + data[4:] + b"whole"
    writer.write(len(answer).to_bytes(2, "big") + answer)
    await writer.drain()
    writer.close()


async def test_other_questions_are_handed_on_to_a_server_that_answers(
    network: LiveNetwork,
) -> None:
    loop = asyncio.get_running_loop()
    streams = await asyncio.start_server(_serve_outside, "127.0.0.1")
    outside = streams.sockets[0].getsockname()
    datagrams, _ = await loop.create_datagram_endpoint(_Outside, local_addr=outside)
    nobody = ("127.0.0.1", 1)
    forwarder = Forwarder(lambda: [nobody, outside])
    made = DnsServer(network.informers, host="127.0.0.1", forwarder=forwarder)
    await made.start()
    asked = query("example.com", TEXT)
    try:
        assert await over_udp(made, asked) == asked[:2] + b"\x83\x80" + asked[4:] + b"part"
        assert await over_tcp(made, asked) == asked[:2] + b"\x81\x80" + asked[4:] + b"whole"
    finally:
        await made.stop()
        datagrams.close()
        streams.close()


async def test_without_a_server_other_questions_fail(network: LiveNetwork) -> None:
    made = DnsServer(network.informers, host="127.0.0.1", forwarder=Forwarder(list))
    await made.start()
    try:
        assert addresses(await over_udp(made, query("example.com", TEXT))) == (Code.FAILURE, [])
    finally:
        await made.stop()


async def test_a_port_of_which_somebody_has_the_other_half_is_not_taken(
    network: LiveNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = asyncio.start_server
    others: list[asyncio.Server] = []

    async def beaten(serve: Any, host: str, port: int) -> asyncio.Server:
        if not others:
            others.append(await listen(lambda _, writer: writer.close(), host, port))
        return await listen(serve, host, port)

    monkeypatch.setattr(asyncio, "start_server", beaten)
    made = DnsServer(network.informers, host="127.0.0.1")
    await made.start()
    try:
        assert made.port != others[0].sockets[0].getsockname()[1]
        found = await over_tcp(made, query("nobody.apps.svc.cluster.local"))
        assert addresses(found)[0] == Code.NO_SUCH_NAME
    finally:
        await made.stop()
        others[0].close()


def test_servers_are_read_as_the_machine_has_them() -> None:
    text = """
    # nameserver 192.0.2.1
    nameserver 192.0.2.2
    nameserver fe80::1%eth0
    nameserver not-an-address
    search example.com
    nameserver
    nameserver 192.0.2.3
    nameserver 192.0.2.4
    """
    expected = [("192.0.2.2", 53), ("fe80::1", 53), ("192.0.2.3", 53)]
    assert dnsforward.nameservers(text) == expected
