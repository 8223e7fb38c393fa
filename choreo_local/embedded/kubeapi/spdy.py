"""SPDY/3.1 as kubectl speaks it: raw after an upgrade, or inside the messages of a WebSocket.

Only what exec and port-forward need: streams opened by the client, data, half-close, ping, reset.
The other end (moby/spdystream) has no flow control, so windows are ignored.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping

from choreo_local.embedded.kubeapi import spdywords
from choreo_local.embedded.kubeapi.messages import Duplex

_VERSION = 0x8003
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 1
_MAX_FRAME = 16 * 1024 * 1024
_MAX_HEADERS = 64 * 1024
_MAX_STREAMS = 2000
# One data frame; the length field has 24 bits.
_MAX_DATA = 1 << 20
_QUEUED_FRAMES = 32


class SpdyError(ConnectionError):
    """The other end does not speak SPDY/3.1 as we know it."""


class Stream:
    """One stream that the client has opened."""

    def __init__(self, connection: Connection, number: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self._connection = connection
        self._number = number
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_FRAMES)
        self._closed = False

    async def receive(self) -> bytes | None:
        """The next data; None when the client has closed its side."""
        return await self._arrived.get()

    async def send(self, data: bytes) -> None:
        """Send data to the client."""
        for start in range(0, len(data), _MAX_DATA):
            await self._connection.send_data(self._number, data[start : start + _MAX_DATA])

    async def close(self) -> None:
        """Close our side."""
        if not self._closed:
            self._closed = True
            await self._connection.send_data(self._number, b"", fin=True)

    async def reset(self) -> None:
        """Give the stream up in both directions."""
        if not self._closed:
            self._closed = True
            await self._connection.send_reset(self._number)

    async def feed(self, data: bytes | None) -> None:
        """Take what has arrived; waits when the reader is behind."""
        await self._arrived.put(data)


OnStream = Callable[[Stream], Awaitable[None]]


class Connection:
    """A SPDY connection over a duplex.

    Args:
        duplex: carries the bytes; messages need not match frames.
        on_stream: called for each stream before its opening is confirmed; must not wait for data.
    """

    def __init__(self, duplex: Duplex, on_stream: OnStream) -> None:
        self._duplex = duplex
        self._on_stream = on_stream
        self._streams: dict[int, Stream] = {}
        self._inflate = zlib.decompressobj(zdict=spdywords.build())
        self._deflate = zlib.compressobj(zdict=spdywords.build())
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Read until the client goes; then all streams end."""
        buffer = bytearray()
        try:
            while (message := await self._duplex.receive()) is not None:
                buffer += message
                while (frame := _cut_frame(buffer)) is not None:
                    await self._take(frame)
        finally:
            for stream in self._streams.values():
                _end(stream)

    async def _take(self, frame: bytes) -> None:
        if frame[0] & 0x80:
            await self._take_control(frame)
            return
        number = int.from_bytes(frame[:4], "big")
        stream = self._streams.get(number)
        if stream is None:
            return
        if len(frame) > 8:
            await stream.feed(frame[8:])
        if frame[4] & _FIN:
            await stream.feed(None)

    async def _take_control(self, frame: bytes) -> None:
        kind, payload = int.from_bytes(frame[2:4], "big"), frame[8:]
        if kind == _SYN_STREAM:
            await self._open(frame[4], payload)
        elif kind == _PING:
            await self._send(frame)
        elif kind == _RST_STREAM:
            stream = self._streams.pop(int.from_bytes(payload[:4], "big"), None)
            if stream is not None:
                _end(stream)
        elif kind == _GOAWAY:
            for stream in self._streams.values():
                _end(stream)

    async def _open(self, flags: int, payload: bytes) -> None:
        if len(payload) < 10 or len(self._streams) >= _MAX_STREAMS:
            raise SpdyError("cannot open another stream")
        number = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        stream = Stream(self, number, self._read_headers(payload[10:]))
        self._streams[number] = stream
        await self._on_stream(stream)
        await self._reply(number)
        if flags & _FIN:
            await stream.feed(None)

    def _read_headers(self, block: bytes) -> dict[str, str]:
        try:
            content = self._inflate.decompress(block, _MAX_HEADERS)
        except zlib.error as error:
            raise SpdyError(f"cannot read headers: {error}") from error
        return _parse_headers(content)

    async def _reply(self, number: int) -> None:
        # The compressor has a history, so blocks must be made in the order in which they are sent.
        async with self._sending:
            block = self._deflate.compress(struct.pack(">I", 0))
            block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
            body = struct.pack(">I", number) + block
            await self._duplex.send(struct.pack(">HHI", _VERSION, _SYN_REPLY, len(body)) + body)

    async def send_data(self, number: int, data: bytes, *, fin: bool = False) -> None:
        """Send a data frame."""
        flags = _FIN << 24 if fin else 0
        await self._send(struct.pack(">II", number, flags | len(data)) + data)

    async def send_reset(self, number: int) -> None:
        """Send a reset with status CANCEL."""
        await self._send(struct.pack(">HHIII", _VERSION, _RST_STREAM, 8, number, 5))

    async def _send(self, frame: bytes) -> None:
        async with self._sending:
            await self._duplex.send(frame)


def _end(stream: Stream) -> None:
    queue = stream._arrived
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(None)


def _cut_frame(buffer: bytearray) -> bytes | None:
    """Take the first complete frame off a buffer."""
    if len(buffer) < 8:
        return None
    length = int.from_bytes(buffer[5:8], "big")
    if length > _MAX_FRAME:
        raise SpdyError("frame too large")
    if len(buffer) < 8 + length:
        return None
    frame = bytes(buffer[: 8 + length])
    del buffer[: 8 + length]
    return frame


def _parse_headers(content: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    try:
        (count,) = struct.unpack_from(">I", content)
        position = 4
        for _ in range(min(count, 100)):
            name, position = _text(content, position)
            value, position = _text(content, position)
            headers[name.lower()] = value
    except struct.error as error:
        raise SpdyError("headers end early") from error
    return headers


def _text(content: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", content, position)
    end = position + 4 + length
    if end > len(content):
        raise SpdyError("headers end early")
    return content[position + 4 : end].decode("utf-8", errors="replace"), end
