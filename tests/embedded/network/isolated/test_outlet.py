"""Datagrams that leave the network of the pods."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.embedded.network import kinds
from choreo_local.embedded.network.isolated import outlet as outlets
from choreo_local.embedded.network.isolated import packets
from choreo_local.embedded.network.isolated.outlet import Outlet, is_outside
from choreo_local.embedded.network.isolated.packets import Datagram
from tests.embedded.network.isolated.test_podnetwork import ELSEWHERE, Lan, _has_rules, lan
from tests.embedded.network.livenetwork import until

_places = st.tuples(st.ip_addresses(v=4).map(str), st.integers(0, 65535))


@given(_places, _places, st.binary(max_size=2000))
@settings(deadline=None)
def test_a_datagram_is_what_it_was(
    source: tuple[str, int], target: tuple[str, int], data: bytes
) -> None:
    datagram = Datagram(source, target, data)
    packet = packets.build(datagram)
    assert packets.parse(packet) == datagram
    # What follows a packet is not part of it.
    assert packets.parse(packet + b"padding") == datagram
    assert packets._checksum(packet[:20]) == 0


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_anything_may_be_a_packet(data: bytes) -> None:
    packets.parse(data)


def test_parts_and_other_protocols_are_no_datagrams() -> None:
    packet = packets.build(Datagram(("10.0.0.1", 1), ("10.0.0.2", 2), b"data"))
    assert packets.parse(packet[:9] + b"\x06" + packet[10:]) is None
    assert packets.parse(packet[:6] + b"\x20\x00" + packet[8:]) is None
    assert packets.parse(packet[:-1]) is None
    assert packets.parse(b"\x60" + packet[1:]) is None


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("192.0.2.1", True),
        ("10.1.2.3", True),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.251", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
    ],
)
def test_what_is_outside(address: str, *, outside: bool) -> None:
    assert is_outside(address) is outside


async def test_flows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "_MOST_OF_A_POD", 3)
    monkeypatch.setattr(outlets, "_MOST_FLOWS", 5)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    found = Outlet(os.dup(ours.fileno()), reaches=lambda _: True)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    try:
        for pod in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
            for port in range(6):
                sent = Datagram((pod, 1000 + port), silent.getsockname(), b"x")
                theirs.send(packets.build(sent))
                await until(lambda: _async(sent.source in {ends[0] for ends in found._flows}))  # noqa: B023
        assert len(found._flows) <= 5
        assert found._of_pods["10.0.0.3"] == 3
        assert sum(found._of_pods.values()) == len(found._flows)
    finally:
        found.close()
        for each in (ours, theirs, silent):
            each.close()


async def _async(value: Any) -> Any:
    return value


class _Echo(asyncio.DatagramProtocol):
    """A server of the test, which stands for one that is elsewhere."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data[::-1], addr)


@asynccontextmanager
async def elsewhere(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[tuple[str, int]]]:
    """Nothing outside of this machine takes part: the last step ends at a server of the test."""
    loop = asyncio.get_running_loop()
    make = loop.create_datagram_endpoint
    server, _ = await make(_Echo, local_addr=("127.0.0.1", 0))
    asked: list[tuple[str, int]] = []

    async def to_server(factory: Callable[[], Any], **options: Any) -> Any:
        asked.append(options["remote_addr"])
        options["remote_addr"] = server.get_extra_info("sockname")
        return await make(factory, **options)

    monkeypatch.setattr(loop, "create_datagram_endpoint", to_server)
    try:
        yield asked
    finally:
        server.close()


async def _asked(found: Lan, uid: str, data: bytes, *, seconds: float = 60) -> bytes:
    """What comes back for a datagram to elsewhere, sent until something does."""
    loop = asyncio.get_running_loop()
    pod = await found.inside(uid, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    pod.setblocking(False)
    try:
        await loop.sock_connect(pod, (ELSEWHERE, 53))
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(pod, data)
            return await loop.sock_recv(pod, 65535)
    finally:
        pod.close()


async def test_datagrams_go_out_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lan() as found, elsewhere(monkeypatch) as asked:
        if found.network.datagram_obstacle:
            pytest.skip(found.network.datagram_obstacle)
        client, _ = await found.pod("client")
        assert await _asked(found, client, b"hello") == b"olleh"
        large = bytes(range(256)) * 200
        assert await _asked(found, client, large) == large[::-1]
        assert set(asked) == {(ELSEWHERE, 53)}


async def test_policies_hold_for_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lan() as found, elsewhere(monkeypatch) as asked:
        if found.network.datagram_obstacle:
            pytest.skip(found.network.datagram_obstacle)
        client, _ = await found.pod("client", app="client")
        other, _ = await found.pod("other")
        ports = [{"protocol": "TCP", "port": 53}]
        closed = {
            "metadata": {"name": "closed", "namespace": "apps"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "client"}},
                "policyTypes": ["Egress"],
                "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": ports}],
            },
        }
        await found.live.create(kinds.NETWORK_POLICIES, closed)
        await until(lambda: _has_rules(found, "add chain ip choreo saddr-"))
        with pytest.raises(TimeoutError):
            await _asked(found, client, b"hello", seconds=0.5)
        assert asked == []
        assert await _asked(found, other, b"hello") == b"olleh"
        ports[0]["protocol"] = "UDP"
        patch = {"spec": {"egress": [{"ports": ports}]}}
        await found.live.kube.patch(kinds.NETWORK_POLICIES, "closed", patch, "apps")

        async def passes() -> bool:
            try:
                return await _asked(found, client, b"hello", seconds=1) == b"olleh"
            except TimeoutError:
                return False

        await until(passes)


async def test_what_is_of_this_machine_alone_is_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with lan() as found, elsewhere(monkeypatch) as asked:
        client, _ = await found.pod("client")

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pod:
                for address in ("169.254.169.254", "224.0.0.251"):
                    pod.sendto(b"hello", (address, 53))

        if found.network.datagram_obstacle:
            pytest.skip(found.network.datagram_obstacle)
        await found.inside(client, send)
        assert await _asked(found, client, b"hello") == b"olleh"
        assert asked == [(ELSEWHERE, 53)]
