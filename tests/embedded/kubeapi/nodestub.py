"""A node in memory, and callers that speak to it through the kube API."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from choreo_local.embedded.kubeapi import spdywords
from choreo_local.embedded.kubeapi.nodes import (
    CallerStreams,
    ContainerAddress,
    LogOptions,
    StreamOptions,
)
from choreo_local.errors import BadRequestError

NODE = "node-1"


class NodeStub:
    """Containers that answer in a known way.

    Attributes:
        port: of a server that stands for all ports of all pods; 0 for none.
        asked: the log options that have been asked for.
        sizes: of the terminals that callers have announced.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[LogOptions] = []
        self.sizes: list[tuple[int, int]] = []

    def connect(self, name: str) -> NodeStub | None:
        """The connection of a node."""
        return self if name == NODE else None

    async def logs(self, container: ContainerAddress, options: LogOptions) -> AsyncIterator[bytes]:
        """Two lines."""
        if options.previous:
            raise BadRequestError("previous terminated container not found")
        self.asked.append(options)
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        yield b"first line\n"
        yield b"second line\n"

    async def exec(
        self,
        container: ContainerAddress,
        command: Sequence[str],
        streams: CallerStreams,
        options: StreamOptions,
    ) -> int:
        """`cat` copies; `exit N` ends; `size` waits for a terminal size."""
        if container.container == "stopped":
            raise BadRequestError("container stopped is not running")
        match command[0]:
            case "cat":
                async for data in streams.stdin():
                    await streams.write_stdout(data)
                await streams.write_stderr(b"done")
                return 0
            case "size":
                async for size in streams.resizes():
                    self.sizes.append((size.width, size.height))
                    break
                return 0
            case _:
                return int(command[1])

    async def attach(
        self, container: ContainerAddress, streams: CallerStreams, options: StreamOptions
    ) -> int:
        """Says one word."""
        await streams.write_stdout(b"attached")
        return 0

    async def open_port(
        self, namespace: str, pod: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the server."""
        if not self.port:
            raise ConnectionRefusedError("nothing listens")
        return await asyncio.open_connection("127.0.0.1", self.port)

    open_local_port = open_port

    async def pod_metrics(self) -> Sequence[dict[str, Any]]:
        """Nothing is measured."""
        return []

    async def node_metrics(self) -> dict[str, Any]:
        """Nothing is measured."""
        return {}


class SpdyCaller:
    """Writes and reads the frames that kubectl does; knows nothing of our implementation."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=spdywords.build())
        self._next = 1
        self._buffer = b""
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.replied: set[int] = set()

    def open(self, **headers: str) -> tuple[int, bytes]:
        """The number of a new stream and the frame that opens it."""
        number, self._next = self._next, self._next + 2
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.encode(), value.encode()):
                block += struct.pack(">I", len(text)) + text
        block = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIH", number, 0, 0) + block
        return number, struct.pack(">HHI", 0x8003, 1, len(body)) + body

    @staticmethod
    def data(number: int, content: bytes, *, last: bool = False) -> bytes:
        """A frame of data."""
        return struct.pack(">II", number, (last << 24) | len(content)) + content

    def take(self, message: bytes) -> None:
        """Sort what the server has sent."""
        self._buffer += message
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if len(self._buffer) < 8 + length:
                return
            frame, self._buffer = self._buffer[: 8 + length], self._buffer[8 + length :]
            self._sort(frame)

    def _sort(self, frame: bytes) -> None:
        if frame[0] & 0x80:
            if int.from_bytes(frame[2:4], "big") == 2:
                self.replied.add(int.from_bytes(frame[8:12], "big"))
            return
        number = int.from_bytes(frame[:4], "big")
        self.received[number] = self.received.get(number, b"") + frame[8:]
        if frame[4] & 1:
            self.ended.add(number)
