"""Streams that an agent serves: answers as they arrive, WebSockets, commands in containers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import orjson

from choreo_local.clusteragent import backends, execframes
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.transport import Transport, WebSocket
from choreo_local.tunnel.flow import ReceiveWindow, SendWindow
from choreo_local.tunnel.messages import EXEC, HTTP_STREAM, WEBSOCKET, StreamInit

# A frame of a stream, in bytes; others' frames come between two of them.
_PIECE = 64 << 10
# What a caller may send ahead to an agent's command without flow control.
_MOST_BYTES = 16 << 20
_EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")

Write = Callable[[bytes], Awaitable[None]]


class AgentStream:
    """The agent's side of one stream.

    Args:
        init: how it began.
        write: sends a piece.
        grant: lets the other end send so many bytes more.
    """

    def __init__(
        self, init: StreamInit, *, write: Write, grant: Callable[[int], Awaitable[None]]
    ) -> None:
        self.init = init
        self._write = write
        self._grant = grant
        self._windowed = init.upgrade in {HTTP_STREAM, WEBSOCKET}
        self._sending, self._receiving = SendWindow(), ReceiveWindow()
        self._room = asyncio.Event()
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._held = 0

    async def send(self, data: bytes) -> None:
        """Send a piece; waits until the other end has room."""
        while self._windowed and not self._sending.is_open:
            self._room.clear()
            await self._room.wait()
        self._sending.sent(len(data))
        await self._write(data)

    def received(self, data: bytes) -> None:
        """A piece arrived."""
        self._held += len(data)
        self._inbox.put_nowait(data if self._held <= _MOST_BYTES else None)

    def granted(self, count: int) -> None:
        """The other end has room for so many bytes more."""
        self._sending.granted(count)
        self._room.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the other end sends.

        Raises UnreachableError when too much of it waits.
        """
        while (piece := await self._inbox.get()) is not None:
            self._held -= len(piece)
            credit = self._receiving.taken(len(piece)) if self._windowed else 0
            if credit:
                await self._grant(credit)
            yield piece
        raise UnreachableError(
            f"the stream was ended: more than {_MOST_BYTES >> 20} MiB were sent faster than they "
            "are read"
        )


async def serve(stream: AgentStream, backend: Transport) -> bytes:
    """Serve a stream to its end; the last words for the other end, empty when all went well."""
    upgrade = stream.init.upgrade
    try:
        if upgrade == HTTP_STREAM:
            await _http(stream, backend)
        elif upgrade == WEBSOCKET:
            await _websocket(stream, backend)
        elif upgrade in {EXEC, ""}:
            return await _command(stream, backend)
        else:
            return f"this agent serves no streams of the kind {upgrade[:40]!r}".encode()
    except (ApiError, UnreachableError) as error:
        return error.message.encode()
    return b""


async def _http(stream: AgentStream, backend: Transport) -> None:
    init = stream.init
    opening = backend.stream(
        init.method,
        init.path,
        query=backends.query_pairs(init.query),
        headers=backends.request_headers(init.headers),
    )
    async with opening as response:
        await stream.send(orjson.dumps({"statusCode": response.status}))
        async with aclosing(_generator(response.chunks())) as chunks:
            async for chunk in chunks:
                for begin in range(0, len(chunk), _PIECE):
                    await stream.send(chunk[begin : begin + _PIECE])


async def _generator(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield chunk


async def _websocket(stream: AgentStream, backend: Transport) -> None:
    init = stream.init
    offered = _offered(init)
    query = backends.query_pairs(init.query)
    async with backend.websocket(init.path, query=query, protocols=offered) as socket:
        head = {"statusCode": 101, "protocol": socket.protocol or ""}
        await stream.send(orjson.dumps(head))
        await _both(_copy_out(stream, socket), _copy_in(stream, socket))


def _offered(init: StreamInit) -> tuple[str, ...]:
    for name, values in init.headers.items():
        if name.lower() == "sec-websocket-protocol":
            return tuple(found.strip() for found in ",".join(values).split(",") if found.strip())
    return ()


async def _copy_out(stream: AgentStream, socket: WebSocket) -> None:
    async for message in socket.messages():
        await stream.send(message)


async def _copy_in(stream: AgentStream, socket: WebSocket) -> None:
    async for piece in stream.pieces():
        await socket.send(piece)


async def _command(stream: AgentStream, backend: Transport) -> bytes:
    """A command as upstream's gateways ask for it; the words that say how it ended."""
    if not stream.init.path.endswith("/exec"):
        return b"this agent runs commands in containers only"
    query = execframes.with_default_command(backends.query_pairs(stream.init.query))
    await stream.send(execframes.SENTINEL)
    opening = backend.websocket(stream.init.path, query=query, protocols=_EXEC_PROTOCOLS)
    end = execframes.Ending()
    async with opening as socket:

        async def out() -> None:
            async for message in socket.messages():
                translated = end.from_cluster(message)
                if translated:
                    await stream.send(translated)

        async def into() -> None:
            async for piece in stream.pieces():
                for message in execframes.to_cluster(piece, socket.protocol):
                    await socket.send(message)

        await _both(out(), into())
    return end.words.encode()


async def _both(leading: Awaitable[None], following: Awaitable[None]) -> None:
    """Run two directions until the leading one ends."""
    led, followed = asyncio.ensure_future(leading), asyncio.ensure_future(following)
    try:
        await asyncio.wait({led, followed}, return_when=asyncio.FIRST_COMPLETED)
        if followed.done() and not led.done():
            # The caller has gone, or cannot be written to: nothing more is wanted.
            followed.result()
            return
        led.result()
    finally:
        for task in (led, followed):
            task.cancel()
        await asyncio.gather(led, followed, return_exceptions=True)
