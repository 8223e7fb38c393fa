"""How pods are connected to: their network may be one that this process itself is not in.

What makes connections to pods asks a `Dialing` for sockets; the rest of this machine is always
reached in the ordinary way.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import aiohttp

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)
_Datagrams = TypeVar("_Datagrams", bound=asyncio.DatagramProtocol)


class Dialing(Protocol):
    """Makes sockets.

    `socket_for` answers a fresh socket that does not block and from which the address can be
    reached; None when any socket of this process will do.
    """

    def socket_for(
        self, address: str, kind: socket.SocketKind = socket.SOCK_STREAM
    ) -> socket.socket | None: ...


# Makes a socket from which the localhost of the pod with an address is reached; None where a pod
# has none of its own.
Inside = Callable[[str], Awaitable[socket.socket | None]]


async def nowhere(address: str) -> socket.socket | None:
    """Implements `Inside` where pods have no localhost of their own."""
    del address
    return None


class Directly:
    """Implements `Dialing` where pods share the network of this process, or are routed."""

    def socket_for(
        self, address: str, kind: socket.SocketKind = socket.SOCK_STREAM
    ) -> socket.socket | None:
        """Any socket will do."""
        del address, kind
        return None


DIRECTLY = Directly()


async def create_connection(
    dialing: Dialing, make: Callable[[], _Protocol], address: str, port: int
) -> tuple[asyncio.Transport, _Protocol]:
    """Like that of an event loop."""
    loop = asyncio.get_running_loop()
    own = dialing.socket_for(address)
    if own is None:
        return await loop.create_connection(make, address, port)
    return await loop.create_connection(make, sock=await _connected(own, address, port))


async def open_connection(
    dialing: Dialing, address: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Like that of asyncio."""
    own = dialing.socket_for(address)
    if own is None:
        return await asyncio.open_connection(address, port)
    return await open_connection_by(own, address, port)


async def open_connection_by(
    own: socket.socket, address: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The same with a socket that is there already."""
    return await asyncio.open_connection(sock=await _connected(own, address, port))


async def create_datagram_endpoint(
    dialing: Dialing, make: Callable[[], _Datagrams], address: str, port: int
) -> tuple[asyncio.DatagramTransport, _Datagrams]:
    """Like that of an event loop, towards one address."""
    loop = asyncio.get_running_loop()
    own = dialing.socket_for(address, socket.SOCK_DGRAM)
    if own is None:
        return await loop.create_datagram_endpoint(make, remote_addr=(address, port))
    try:
        own.connect((address, port))
        return await loop.create_datagram_endpoint(make, sock=own)
    except BaseException:
        own.close()
        raise


async def _connected(own: socket.socket, address: str, port: int) -> socket.socket:
    try:
        await asyncio.get_running_loop().sock_connect(own, (address, port))
    except OSError as error:
        own.close()
        # In the words of the system, not of asyncio.
        if error.errno:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise
    except BaseException:
        own.close()
        raise
    return own


def socket_factory(dialing: Dialing) -> Callable[[aiohttp.AddrInfoType], socket.socket]:
    """What makes the sockets of an `aiohttp.TCPConnector`."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = info
        found = dialing.socket_for(str(place[0]))
        return socket.socket(family, kind, protocol) if found is None else found

    return make
