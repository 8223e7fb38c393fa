"""Ports of this machine for an Envoy that runs in another network: connections are handed on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from choreo_local.embedded.network.piping import Entered, Half


@dataclass(frozen=True, slots=True)
class Abroad:
    """A network that programs can run in.

    Attributes:
        path: by which they enter it.
        socket: opens a socket in it.
    """

    path: str
    socket: Callable[[], socket.socket]


class Entrances:
    """Hands connections on to the same address and port in another network."""

    def __init__(self, abroad: Abroad) -> None:
        self._abroad = abroad
        self._servers: dict[tuple[str, int], asyncio.Server] = {}

    async def serve(self, hosts: Iterable[str], ports: Iterable[int]) -> None:
        """Listen on these ports and on no others, as far as they are free."""
        wanted = {(host, port) for host in hosts for port in ports}
        for place in self._servers.keys() - wanted:
            self._servers.pop(place).close()
        for place in wanted - self._servers.keys():
            try:
                self._servers[place] = await self._listen(*place)
            except OSError:
                continue

    async def _listen(self, host: str, port: int) -> asyncio.Server:
        async def connect(client: Half, _peer: str) -> None:
            try:
                half = await self._connect(host, port)
            except OSError:
                client.refuse()
                return
            client.join(half)

        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Entered(connect), host, port, backlog=512)

    def serves(self, host: str, port: int) -> bool:
        """Whether a port was free."""
        return (host, port) in self._servers

    async def probe(self, host: str, port: int) -> None:
        """Connect beyond the entrance; OSError when nothing listens there."""
        half = await self._connect(host, port)
        if half.transport is not None:
            half.transport.close()

    async def _connect(self, host: str, port: int) -> Half:
        loop = asyncio.get_running_loop()
        own = self._abroad.socket()
        try:
            await loop.sock_connect(own, (host, port))
        except BaseException:
            own.close()
            raise
        _, half = await loop.create_connection(Half, sock=own)
        return half

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
