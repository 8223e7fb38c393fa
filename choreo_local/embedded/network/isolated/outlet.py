"""The way out for datagrams: what pods send to the outside goes on from sockets of this machine.

Packets that leave the pods' network arrive here when all policies have let them pass. Each pair of
ends has a socket of its own, so that what comes back is what was asked; idle ones are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, cast

from choreo_local.embedded.network.isolated import packets
from choreo_local.embedded.network.isolated.packets import Datagram, Place

NAME = "out0"
_TUNSETIFF, _TUN, _NO_INFORMATION = 0x400454CA, 0x0001, 0x1000
_SIOCSIFMTU = 0x8922
_LONGEST_PACKET = 65535
_PACKETS_AT_ONCE = 64
_MOST_FLOWS, _MOST_OF_A_POD = 2048, 256
_IDLE_SECONDS = 60.0
_EARLY = 16

Ends = tuple[Place, Place]


def open_link() -> int:
    """Make the link in the thread's network; a descriptor by which its packets are read."""
    link = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(link, _TUNSETIFF, struct.pack("16sH14x", NAME.encode(), _TUN | _NO_INFORMATION))
        # One read is one datagram, however large.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            fcntl.ioctl(asking, _SIOCSIFMTU, struct.pack("16si", NAME.encode(), _LONGEST_PACKET))
    except OSError:
        os.close(link)
        raise
    return link


def is_outside(address: str) -> bool:
    """Whether datagrams to an address are for others than this machine alone."""
    found = IPv4Address(address)
    return not (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found == IPv4Address("255.255.255.255")
    )


class Outlet:
    """Carries datagrams between a link and sockets; lives in the loop that made it."""

    def __init__(self, link: int, *, reaches: Callable[[str], bool] = is_outside) -> None:
        self._link = link
        self._reaches = reaches
        self._flows: dict[Ends, _Flow] = {}
        self._of_pods: Counter[str] = Counter()
        asyncio.get_running_loop().add_reader(link, self._readable)

    def close(self) -> None:
        """Close all sockets and the link."""
        asyncio.get_running_loop().remove_reader(self._link)
        for flow in list(self._flows.values()):
            flow.end()
        os.close(self._link)

    def _readable(self) -> None:
        # Others of the loop take their turn after so many.
        for _ in range(_PACKETS_AT_ONCE):
            try:
                packet = os.read(self._link, _LONGEST_PACKET)
            except BlockingIOError:
                return
            found = packets.parse(packet)
            if found is not None and self._reaches(found.target[0]):
                self._carry(found)

    def _carry(self, datagram: Datagram) -> None:
        ends = (datagram.source, datagram.target)
        flow = self._flows.get(ends)
        if flow is None:
            self._make_room(datagram.source[0])
            flow = self._flows[ends] = _Flow(self, ends)
            self._of_pods[datagram.source[0]] += 1
            flow.open()
        flow.send(datagram.data)

    def _make_room(self, pod: str) -> None:
        """End the flow that was opened first: of the same pod if that has many."""
        if self._of_pods[pod] >= _MOST_OF_A_POD:
            next(flow for ends, flow in self._flows.items() if ends[0][0] == pod).end()
        elif len(self._flows) >= _MOST_FLOWS:
            next(iter(self._flows.values())).end()

    def forget(self, ends: Ends) -> None:
        """A flow has ended."""
        if self._flows.pop(ends, None) is not None:
            pod = ends[0][0]
            self._of_pods[pod] -= 1
            if not self._of_pods[pod]:
                del self._of_pods[pod]

    def answer(self, ends: Ends, data: bytes) -> None:
        """Give a datagram that came back to the pod."""
        source, target = ends
        if len(data) <= packets.LARGEST:
            # A link that is full loses datagrams, as any other does.
            with contextlib.suppress(OSError):
                os.write(self._link, packets.build(Datagram(target, source, data)))


class _Flow(asyncio.DatagramProtocol):
    """The socket for one pair of ends."""

    def __init__(self, outlet: Outlet, ends: Ends) -> None:
        self._outlet, self._ends = outlet, ends
        self._transport: asyncio.DatagramTransport | None = None
        self._early: list[bytes] = []
        self._opening: asyncio.Future[Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._used_at = self._loop.time()
        self._timer = self._loop.call_later(_IDLE_SECONDS, self._look)

    def open(self) -> None:
        """Make the socket in the background; what is sent meanwhile is kept."""
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        try:
            target = self._ends[1]
            await self._loop.create_datagram_endpoint(lambda: self, remote_addr=target)
        except OSError:  # There is no way to there.
            self.end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was kept."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        for data in self._early:
            self._transport.sendto(data)
        self._early.clear()

    def send(self, data: bytes) -> None:
        """Towards the outside."""
        self._used_at = self._loop.time()
        if self._transport is not None:
            self._transport.sendto(data)
        elif len(self._early) < _EARLY:
            self._early.append(data)

    def datagram_received(self, data: bytes, addr: Place) -> None:
        """Back to the pod."""
        self._used_at = self._loop.time()
        self._outlet.answer(self._ends, data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there; who sends again gets a fresh socket."""
        self.end()

    def _look(self) -> None:
        rest = self._used_at + _IDLE_SECONDS - self._loop.time()
        if rest <= 0:
            self.end()
        else:
            self._timer = self._loop.call_later(rest, self._look)

    def end(self) -> None:
        """Close the socket."""
        self._outlet.forget(self._ends)
        self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
        elif self._opening is not None:
            self._opening.cancel()
