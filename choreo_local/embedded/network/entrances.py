"""An Envoy that runs in another network is reached from this machine, and reaches it.

Its ports are kept in this network, else connections to them are handed on to it; its own to what
listens on this machine's loopback addresses are handed back.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from choreo_local.embedded.network.launcher import Elsewhere
from choreo_local.embedded.network.piping import Address, Entered, Half
from choreo_local.embedded.network.portkeeper import PortKeeper

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
    """Hands connections on to the same address and port on the other side.

    Args:
        abroad: the other network.
    """

    def __init__(self, abroad: Abroad) -> None:
        self._abroad = abroad
        self._keeper: PortKeeper | None = None
        self._places: frozenset[Address] = frozenset()
        self._inward: dict[Address, asyncio.Server] = {}
        self._outward: dict[Address, asyncio.Server] = {}

    def prepare(self) -> Elsewhere:
        """How Envoy is started there."""
        self._keeper = PortKeeper()
        self._keeper.places = self._places
        return Elsewhere(self._abroad.path, self._keeper.channel)

    async def begin(self) -> None:
        """Follow its start."""
        if self._keeper is None or not await asyncio.to_thread(self._keeper.begin):
            self._keeper = None
            await self.let_in(self._places)

    async def let_in(self, places: Iterable[Address]) -> None:
        """Listen here, at these places and at no others, as far as they are free."""
        wanted = self._places = frozenset(places)
        if self._keeper is not None:
            self._keeper.places = wanted
            return
        for place in self._inward.keys() - wanted:
            self._inward.pop(place).close()
        for place in wanted - self._inward.keys():
            try:
                self._inward[place] = await _relay(place, self._connect)
            except OSError as error:
                logger.warning("Port not available address=%s:%d error=%s", *place, error)

    async def let_out(self, places: Iterable[Address]) -> None:
        """Listen there, also at these places."""
        for place in set(places) - self._outward.keys():
            try:
                listening = self._abroad.listen(*place)
                self._outward[place] = await _relay(place, _connect_here, listening)
            except OSError as error:
                logger.warning("Port not to be had for Envoy address=%s:%d error=%s", *place, error)

    async def knock(self, place: Address) -> None:
        """OSError when nothing listens at a place, or not where its connections lead."""
        if self._keeper is None and place not in self._inward:
            raise ConnectionRefusedError(f"port {place[1]} is taken")
        half = await (_connect_here(place) if self._keeper is not None else self._connect(place))
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
