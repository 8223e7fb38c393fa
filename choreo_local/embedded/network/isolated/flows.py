"""Makes the kernel forget datagrams' ways to endpoints that have gone.

All datagrams between two sockets are one flow to the kernel, and go where the first one went for as
long as more of them come, whatever the rules say by now.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from choreo_local.embedded.network.isolated import netlink
from choreo_local.embedded.network.isolated.ruleset import Service
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint

_NETFILTER = 12
_GET, _DELETE, _DONE = 0x101, 0x102, 3
_DUMP, _NESTED = 0x300, 0x8000
_ORIGINAL, _REPLY = 1, 2
_ADDRESSES, _PROTOCOL = 1, 2
_FROM, _TO = 1, 2
_NUMBER, _FROM_PORT, _TO_PORT = 1, 2, 3
_PIECE = 1 << 16
_FAMILY = struct.pack("BBH", socket.AF_INET, 0, 0)
_UDP = "UDP"


@dataclass(frozen=True, slots=True)
class Flow:
    """Datagrams of one client to an entrance, and the endpoint that gets them."""

    client: Endpoint
    entrance: Entrance
    endpoint: Endpoint


def has_lost(before: Mapping[Entrance, Service], after: Mapping[Entrance, Service]) -> bool:
    """Whether an endpoint for datagrams is one no more."""
    return any(
        not set(service.endpoints) <= set(_endpoints(after, entrance))
        for entrance, service in before.items()
        if entrance.protocol == _UDP
    )


def stale(
    flows: Iterable[Flow], before: Mapping[Entrance, Service], after: Mapping[Entrance, Service]
) -> list[Flow]:
    """The flows through entrances to endpoints that these do not lead to any more."""
    return [
        each
        for each in flows
        if each.entrance in before and each.endpoint not in _endpoints(after, each.entrance)
    ]


def _endpoints(services: Mapping[Entrance, Service], entrance: Entrance) -> Iterable[Endpoint]:
    service = services.get(entrance)
    return service.endpoints if service is not None else ()


class Flows:
    """The flows of datagrams of one namespace; opened by a thread that is in it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def forget(self, before: Mapping[Entrance, Service], after: Mapping[Entrance, Service]) -> None:
        """Forget flows that `stale` finds; OSError when the kernel does not let us."""
        for each in stale(list(self._all()), before, after):
            body = _FAMILY + _tuple(_ORIGINAL, each)
            self._send(_DELETE, body, flags=netlink.ACKNOWLEDGE)
            for number in self._answers():
                if number not in (0, -errno.ENOENT):
                    raise OSError(-number, "cannot forget a flow of datagrams")

    def _send(self, type_: int, body: bytes, *, flags: int) -> None:
        self._sequence += 1
        self._socket.send(netlink.message(type_, body, flags=flags, sequence=self._sequence))

    def _answers(self) -> Iterator[int]:
        for type_, body in _messages(self._socket.recv(_PIECE)):
            if type_ == netlink.ERROR:
                yield int(struct.unpack_from("=i", body)[0])

    def _all(self) -> Iterator[Flow]:
        self._send(_GET, _FAMILY, flags=_DUMP)
        while True:
            for type_, body in _messages(self._socket.recv(_PIECE)):
                if type_ == _DONE:
                    return
                if type_ == netlink.ERROR:
                    (number,) = struct.unpack_from("=i", body)
                    raise OSError(-number, "cannot list the flows of datagrams")
                found = _flow(body[len(_FAMILY) :])
                if found is not None:
                    yield found


def _messages(piece: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each message."""
    start = 0
    while start + netlink.HEADER.size <= len(piece):
        length, type_, *_ = netlink.HEADER.unpack_from(piece, start)
        yield type_, piece[start + netlink.HEADER.size : start + length]
        start += max(netlink.HEADER.size, (length + 3) & ~3)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    start = 0
    while start + 4 <= len(data):
        length, type_ = struct.unpack_from("=HH", data, start)
        found[type_ & 0x3FFF] = data[start + 4 : start + length]
        start += max(4, (length + 3) & ~3)
    return found


def _flow(data: bytes) -> Flow | None:
    """A flow of datagrams; None for one of anything else."""
    found = _attributes(data)
    asked, answered = (_ends(found.get(kind, b"")) for kind in (_ORIGINAL, _REPLY))
    if asked is None or answered is None:
        return None
    (client, meant), (endpoint, _) = asked, answered
    return Flow(client, Entrance(meant.address, meant.port, _UDP), endpoint)


def _ends(data: bytes) -> tuple[Endpoint, Endpoint] | None:
    """Where datagrams come from and go to."""
    found = _attributes(data)
    addresses = _attributes(found.get(_ADDRESSES, b""))
    protocol = _attributes(found.get(_PROTOCOL, b""))
    if protocol.get(_NUMBER) != bytes([socket.IPPROTO_UDP]):
        return None
    source, target = (
        Endpoint(socket.inet_ntoa(addresses[place]), int.from_bytes(protocol[port], "big"))
        for place, port in ((_FROM, _FROM_PORT), (_TO, _TO_PORT))
    )
    return source, target


def _tuple(kind: int, flow: Flow) -> bytes:
    client, entrance = flow.client, flow.entrance
    addresses = netlink.attribute(_FROM, socket.inet_aton(client.address))
    addresses += netlink.attribute(_TO, socket.inet_aton(entrance.address))
    protocol = netlink.attribute(_NUMBER, bytes([socket.IPPROTO_UDP]))
    protocol += netlink.attribute(_FROM_PORT, client.port.to_bytes(2, "big"))
    protocol += netlink.attribute(_TO_PORT, entrance.port.to_bytes(2, "big"))
    inner = netlink.attribute(_ADDRESSES | _NESTED, addresses)
    inner += netlink.attribute(_PROTOCOL | _NESTED, protocol)
    return netlink.attribute(kind | _NESTED, inner)
