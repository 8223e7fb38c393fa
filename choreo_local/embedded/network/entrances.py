"""An Envoy that runs in another network is reached from this machine, and reaches it.

Connections to its ports are handed on to it, and its own to what listens on this machine's
loopback addresses are handed back.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from choreo_local.embedded.network.piping import Address, Entered, Half

logger = logging.getLogger(__name__)

_Connect = Callable[[Address], Awaitable[Half]]


class Abroad(Protocol):
    """A network that programs can run in.

    Programs enter it by `path`, and have names answered at `resolver`. `take` opens a socket in
    it, `listen` one that listens there.
    """

    @property
    def path(self) -> str: ...

    @property
    def resolver(self) -> str: ...

    def take(self) -> socket.socket: ...

    def listen(self, address: str, port: int) -> socket.socket: ...


class Entrances:
    """Hands connections on to the same address and port on the other side."""

    def __init__(self, abroad: Abroad) -> None:
        self._abroad = abroad
        self._inward: dict[Address, asyncio.Server] = {}
        self._outward: dict[Address, asyncio.Server] = {}

    async def let_in(self, places: Iterable[Address]) -> None:
        """Listen here, at these places and at no others, as far as they are free."""
        wanted = set(places)
        for place in self._inward.keys() - wanted:
            self._inward.pop(place).close()
        for place in wanted - self._inward.keys():
            try:
                self._inward[place] = await _relay(place, self._connect)
            except OSError as error:
                logger.warning("Port not available address=%s:%d error=%s", *place, error)

    def serves(self, place: Address) -> bool:
        """Whether a place here was free."""
        return place in self._inward

    async def let_out(self, places: Iterable[Address]) -> None:
        """Listen there, also at these places."""
        for place in set(places) - self._outward.keys():
            try:
                listening = self._abroad.listen(*place)
                self._outward[place] = await _relay(place, _connect_here, listening)
            except OSError as error:
                logger.warning("Port not to be had for Envoy address=%s:%d error=%s", *place, error)

    async def probe(self, place: Address) -> None:
        """Connect to a place there; OSError when nothing listens."""
        half = await self._connect(place)
        if half.transport is not None:
            half.transport.close()

    async def _connect(self, place: Address) -> Half:
        own = self._abroad.take()
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(own, place)
        except BaseException:
            own.close()
            raise
        _, half = await loop.create_connection(Half, sock=own)
        return half

    def close(self) -> None:
        """Stop listening."""
        for server in (*self._inward.values(), *self._outward.values()):
            server.close()
        self._inward.clear()
        self._outward.clear()


async def _connect_here(place: Address) -> Half:
    _, half = await asyncio.get_running_loop().create_connection(Half, *place)
    return half


async def _relay(
    place: Address, connect: _Connect, listening: socket.socket | None = None
) -> asyncio.Server:
    async def join(client: Half, _peer: str) -> None:
        try:
            half = await connect(place)
        except OSError:
            client.refuse()
            return
        client.join(half)

    def entered() -> Entered:
        return Entered(join)

    loop = asyncio.get_running_loop()
    if listening is not None:
        return await loop.create_server(entered, sock=listening)
    return await loop.create_server(entered, *place, backlog=512)
