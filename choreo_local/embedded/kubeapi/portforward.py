"""Port-forward: connections to a pod's ports, over SPDY or over the channels of a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence

from choreo_local.embedded.kubeapi import spdy
from choreo_local.embedded.kubeapi.messages import Duplex
from choreo_local.errors import ChoreoError

TUNNEL = "SPDY/3.1+portforward.k8s.io"
SPDY_PROTOCOL = "portforward.k8s.io"
CHANNELS = ("v4.channel.k8s.io", "portforward.k8s.io")
_CHUNK = 64 * 1024

# port → a connection into the pod.
Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def serve_spdy(duplex: Duplex, dial: Dial) -> None:
    """Each forwarded connection is a pair of streams, data and error, of one request id."""
    errors: dict[str, spdy.Stream] = {}
    async with _Tasks() as tasks:

        async def opened(stream: spdy.Stream) -> None:
            request = stream.headers.get("requestid", "")
            if stream.headers.get("streamtype") == "error":
                errors[request] = stream
            else:
                tasks.start(_forward(stream, errors.pop(request, None), dial))

        await spdy.Connection(duplex, opened).run()


class _Tasks:
    """Forwarded connections; all end with the connection of the caller."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()

    def start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def __aenter__(self) -> _Tasks:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _forward(data: spdy.Stream, error: spdy.Stream | None, dial: Dial) -> None:
    port = data.headers.get("port", "")
    try:
        reader, writer = await dial(int(port))
    except (OSError, ValueError, ChoreoError) as refusal:
        if error is not None:
            text = f"error forwarding port {port} to the pod: {refusal}"
            await error.send(text.encode())
            await error.close()
        await data.close()
        return
    try:
        with contextlib.suppress(ConnectionError):
            await _copy_both(data, reader, writer)
            await data.close()
            if error is not None:
                await error.close()
    finally:
        writer.close()


async def _copy_both(
    stream: spdy.Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async def inward() -> None:
        while (data := await stream.receive()) is not None:
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.ensure_future(inward())
    try:
        while data := await reader.read(_CHUNK):
            await stream.send(data)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def serve_channels(duplex: Duplex, ports: Sequence[int], dial: Dial) -> None:
    """Two channels a port, data and error; each begins with the port as a 16-bit number.

    A channel cannot be closed alone: the first connection that ends, ends the session, as that is
    how a caller learns of it.
    """
    writers: dict[int, asyncio.StreamWriter] = {}
    ended = asyncio.Event()
    async with _Tasks() as tasks:
        for index, port in enumerate(ports):
            head = struct.pack("<H", port)
            for channel in (2 * index, 2 * index + 1):
                await duplex.send(bytes([channel]) + head)
            try:
                reader, writers[index] = await dial(port)
            except (OSError, ChoreoError) as refusal:
                text = f"error forwarding port {port} to the pod: {refusal}"
                await duplex.send(bytes([2 * index + 1]) + text.encode())
                ended.set()
                continue
            tasks.start(_copy_out(duplex, 2 * index, reader, ended))
        tasks.start(_copy_in(duplex, writers, ended))
        try:
            await ended.wait()
        finally:
            for writer in writers.values():
                writer.close()


async def _copy_in(
    duplex: Duplex, writers: Mapping[int, asyncio.StreamWriter], ended: asyncio.Event
) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            while (message := await duplex.receive()) is not None:
                writer = writers.get(message[0] // 2) if message else None
                if writer is not None:
                    writer.write(message[1:])
                    await writer.drain()
    finally:
        ended.set()


async def _copy_out(
    duplex: Duplex, channel: int, reader: asyncio.StreamReader, ended: asyncio.Event
) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await duplex.send(bytes([channel]) + data)
    finally:
        ended.set()
