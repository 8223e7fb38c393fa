"""Links, addresses and routes over the kernel's rtnetlink: the few messages that pods need.

Messages are built purely; `Routing` sends them over a socket of the namespace it was opened in.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Network

from choreo_local.embedded.network.isolated import netlink
from choreo_local.embedded.network.isolated.netlink import CREATE, EXCLUSIVE, REPLACE, attribute

LOOPBACK_INDEX = 1
_NEW_LINK, _DEL_LINK, _NEW_ADDRESS, _DEL_ADDRESS, _NEW_ROUTE = 16, 17, 20, 21, 24
_UP = 1
_LINK_ADDRESS, _LINK_NAME, _LINK_MTU, _LINK_INFO, _LINK_NAMESPACE = 1, 3, 4, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDRESS, _LOCAL = 1, 2
_DESTINATION, _INTERFACE, _GATEWAY, _SOURCE = 1, 4, 5, 7
_TABLE_MAIN, _BOOT, _UNICAST, _LINK_SCOPE = 254, 3, 1, 253


def link_message(index: int = 0, *, name: str = "", up: bool = False) -> bytes:
    """The beginning of a message about a link."""
    flags = _UP if up else 0
    header = struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)
    return header + (attribute(_LINK_NAME, name.encode() + b"\0") if name else b"")


def veth(name: str, peer: str, namespace: int, *, mtu: int) -> bytes:
    """A pair of links: `name` here, `peer` in another namespace."""
    size = attribute(_LINK_MTU, struct.pack("I", mtu))
    there = link_message(name=peer) + size
    there += attribute(_LINK_NAMESPACE, struct.pack("I", namespace))
    info = attribute(_INFO_KIND, b"veth")
    info += attribute(_INFO_DATA, attribute(_VETH_PEER, there))
    return link_message(name=name) + size + attribute(_LINK_INFO, info)


def address(index: int, own: IPv4Address, length: int) -> bytes:
    """An address of a link."""
    header = struct.pack("BBBBi", socket.AF_INET, length, 0, 0, index)
    return header + attribute(_LOCAL, own.packed) + attribute(_ADDRESS, own.packed)


def route(
    index: int,
    network: IPv4Network,
    *,
    gateway: IPv4Address | None = None,
    source: IPv4Address | None = None,
) -> bytes:
    """A route to a network over a link."""
    scope = 0 if gateway else _LINK_SCOPE
    header = struct.pack(
        "BBBBBBBBI", socket.AF_INET, network.prefixlen, 0, 0, _TABLE_MAIN, _BOOT, scope, _UNICAST, 0
    )
    body = attribute(_INTERFACE, struct.pack("I", index))
    if network.prefixlen:
        body += attribute(_DESTINATION, network.network_address.packed)
    if gateway is not None:
        body += attribute(_GATEWAY, gateway.packed)
    if source is not None:
        body += attribute(_SOURCE, source.packed)
    return header + body


class Routing:
    """The kernel's routing of one namespace; opened by a thread that is in it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _ask(self, type_: int, body: bytes, *, flags: int = 0) -> None:
        self._sequence += 1
        flags |= netlink.ACKNOWLEDGE
        self._socket.send(netlink.message(type_, body, flags=flags, sequence=self._sequence))
        answer = self._socket.recv(65536)
        _, kind, _, _, _ = netlink.HEADER.unpack_from(answer)
        if kind == netlink.ERROR:
            (number,) = struct.unpack_from("i", answer, 16)
            if number:
                raise OSError(-number, os.strerror(-number))

    def add_veth(self, name: str, peer: str, namespace: int, *, mtu: int) -> int:
        """Make a pair of links; answers the index of the one here."""
        self._ask(_NEW_LINK, veth(name, peer, namespace, mtu=mtu), flags=CREATE | EXCLUSIVE)
        return socket.if_nametoindex(name)

    def remove_link(self, index: int) -> None:
        """Remove a link, and with it its peer."""
        self._ask(_DEL_LINK, link_message(index))

    def bring_up(self, index: int) -> None:
        """Make a link usable."""
        self._ask(_NEW_LINK, link_message(index, up=True))

    def add_address(self, index: int, own: IPv4Address, length: int = 32) -> None:
        """Give a link an address."""
        self._ask(_NEW_ADDRESS, address(index, own, length), flags=CREATE | EXCLUSIVE)

    def remove_address(self, index: int, own: IPv4Address, length: int) -> None:
        """Take an address from a link."""
        self._ask(_DEL_ADDRESS, address(index, own, length))

    def add_route(
        self,
        index: int,
        network: IPv4Network,
        *,
        gateway: IPv4Address | None = None,
        source: IPv4Address | None = None,
        replace: bool = False,
    ) -> None:
        """Reach a network over a link; OSError when there is such a route and it must stay."""
        body = route(index, network, gateway=gateway, source=source)
        self._ask(_NEW_ROUTE, body, flags=CREATE | (REPLACE if replace else EXCLUSIVE))


def routed_networks(table: str) -> list[IPv4Network]:
    """The networks of a text like `/proc/net/route`, without the default route."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split("\t")
        destination, mask = (int(fields[place], 16).to_bytes(4, "little") for place in (1, 7))
        network = IPv4Network((destination, str(IPv4Address(mask))))
        if network.prefixlen:
            found.append(network)
    return found
