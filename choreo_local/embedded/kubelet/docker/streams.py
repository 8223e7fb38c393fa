"""Streams of containers and commands over connections of the engine."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Iterator

from choreo_local.embedded.kubelet.docker.engine import EngineError, Hijacked
from choreo_local.tasks import TaskGroup

_CHUNK = 1 << 16
_HEADER = struct.Struct(">BxxxI")
_NAMES = {1: "stdout", 2: "stderr"}
# A program that writes without end gets no more of the loop's time than one part in so many.
_REST_FACTOR = 9
_NOTICEABLE_SECONDS = 0.001

OnOutput = Callable[[str, bytes], None]
# Tells the engine the size of a terminal: columns, rows.
Resize = Callable[[int, int], Awaitable[None]]


class Frames:
    """Takes apart what an engine sends without a terminal: a head before each piece. Pure."""

    def __init__(self) -> None:
        self._head = b""
        self._stream = ""
        self._left = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The pieces in what came, by stream; those of other streams are dropped."""
        rest = memoryview(data)
        while rest:
            if not self._left:
                rest = self._read_head(rest)
                continue
            piece, rest = rest[: self._left], rest[self._left :]
            self._left -= len(piece)
            if self._stream:
                yield self._stream, bytes(piece)

    def _read_head(self, rest: memoryview) -> memoryview:
        lacking = _HEADER.size - len(self._head)
        self._head += bytes(rest[:lacking])
        if len(self._head) == _HEADER.size:
            number, self._left = _HEADER.unpack(self._head)
            self._stream, self._head = _NAMES.get(number, ""), b""
        return rest[lacking:]


class EngineProgram:
    """A program behind a connection; implements `interactive.Program`.

    Args:
        resize: for programs on a terminal; None for others.
        kill: ends the program.

    Attributes:
        ended: set to the exit code by whoever learns of it.
        read: done when all output has come.
    """

    def __init__(
        self,
        connection: Hijacked,
        on_output: OnOutput,
        *,
        resize: Resize | None,
        kill: Callable[[], None],
        tasks: TaskGroup,
    ) -> None:
        self._connection = connection
        self._on_output = on_output
        self._resize = resize
        self._kill = kill
        self._tasks = tasks
        self._may_read = asyncio.Event()
        self._may_read.set()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.read = tasks.start(self._read(), name="output")

    async def _read(self) -> None:
        frames = None if self._resize else Frames()
        loop = asyncio.get_running_loop()
        try:
            while data := await self._next():
                begun = loop.time()
                for stream, piece in frames.feed(data) if frames else [("stdout", data)]:
                    self._on_output(stream, piece)
                taken = loop.time() - begun
                if taken > _NOTICEABLE_SECONDS:
                    await asyncio.sleep(taken * _REST_FACTOR)
        finally:
            await self._connection.drop()

    async def _next(self) -> bytes:
        await self._may_read.wait()
        try:
            return await self._connection.reader.read(_CHUNK)
        except ConnectionError:
            return b""

    def finish(self, code: int) -> None:
        """The program has ended."""
        if not self.ended.done():
            self.ended.set_result(code)

    def pause_output(self) -> None:
        """Leave output with the engine, so that the program has to wait."""
        if not self.ended.done():
            self._may_read.clear()

    def resume_output(self) -> None:
        """Read output again."""
        self._may_read.set()

    async def write_input(self, data: bytes) -> None:
        """Write to standard input; waits while the program does not read."""
        self._connection.writer.write(data)
        await self._connection.writer.drain()

    async def end_input(self) -> None:
        """Let the program see the end of its input."""
        if self._resize is not None:
            await self.write_input(b"\x04")
            return
        with contextlib.suppress(OSError):
            self._connection.writer.write_eof()

    def resize(self, *, width: int, height: int) -> None:
        """Tell the terminal its size."""
        if self._resize is not None:
            self._tasks.start(_quietly(self._resize(width, height)), name="resize")

    def kill(self) -> None:
        """End the program."""
        if not self.ended.done():
            self._kill()


async def _quietly(work: Awaitable[None]) -> None:
    # The program may have ended meanwhile.
    with contextlib.suppress(EngineError):
        await work
