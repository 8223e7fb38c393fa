"""Ways out of the pods' network: connections that end in the router go on from this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Callable

from choreo_local.embedded.network.piping import Address, Entered, Half

_CONNECT_SECONDS = 10.0
_SO_ORIGINAL_DST = 80

# Where a connection goes, by the socket that took it; None where it must not.
Target = Callable[[socket.socket], Address | None]


async def relay(listening: socket.socket, target: Target) -> asyncio.Server:
    """Serve a socket that listens in the router's namespace."""

    async def connect(client: Half, _peer: str) -> None:
        found = target(client.transport.get_extra_info("socket")) if client.transport else None
        if found is None:
            client.refuse()
            return
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                _, half = await loop.create_connection(Half, *found)
        except (OSError, TimeoutError):
            client.refuse()
            return
        client.join(half)

    return await asyncio.get_running_loop().create_server(lambda: Entered(connect), sock=listening)


def meant(taken: socket.socket) -> Address | None:
    """Where a diverted connection wanted to go; None for what is this machine's own business."""
    raw = taken.getsockopt(socket.IPPROTO_IP, _SO_ORIGINAL_DST, 16)
    port, packed = struct.unpack_from("!2xH4s", raw)
    address = ipaddress.IPv4Address(packed)
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return None
    return str(address), port


def to_this_machine(port: int) -> Target:
    """To the same port on this machine's own address."""

    def target(_taken: socket.socket) -> Address:
        return "127.0.0.1", port

    return target
