"""Both ends of an upgraded connection inside the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from choreo_local.embedded.kubeapi.messages import Duplex

_MAX_MESSAGES = 64


class Pipe:
    """The caller's end; the server's end is a `Duplex`."""

    def __init__(self, protocol: str) -> None:
        self._protocol = protocol
        self._to_server: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_MESSAGES)
        self._to_caller: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_MESSAGES)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, serve: Callable[[Duplex], Awaitable[None]], protocol: str
    ) -> AsyncIterator[Pipe]:
        """Run the server's side for as long as the caller stays."""
        pipe = cls(protocol)
        server = asyncio.ensure_future(pipe._serve(serve))
        try:
            yield pipe
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)

    async def _serve(self, serve: Callable[[Duplex], Awaitable[None]]) -> None:
        try:
            await serve(_ServerEnd(self._to_server, self._to_caller))
        finally:
            # A full queue must not keep the end from being told: nobody waits for room any more.
            if self._to_caller.full():
                self._to_caller.get_nowait()
            self._to_caller.put_nowait(None)

    @property
    def protocol(self) -> str | None:
        """The negotiated sub-protocol."""
        return self._protocol or None

    async def send(self, data: bytes) -> None:
        """Send a message to the server."""
        await self._to_server.put(data)

    async def messages(self) -> AsyncIterator[bytes]:
        """The messages of the server, until it ends the conversation."""
        while (message := await self._to_caller.get()) is not None:
            yield message


class _ServerEnd:
    def __init__(
        self, incoming: asyncio.Queue[bytes | None], outgoing: asyncio.Queue[bytes | None]
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def receive(self) -> bytes | None:
        return await self._incoming.get()

    async def send(self, data: bytes) -> None:
        await self._outgoing.put(data)

    async def close(self) -> None:
        return
