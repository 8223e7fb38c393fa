"""Exec and attach: the streams of callers to those of programs."""

from __future__ import annotations

import asyncio
from typing import Protocol

from choreo_local.embedded.kubelet import children
from choreo_local.embedded.kubelet.children import OnOutput
from choreo_local.embedded.kubelet.launch import Command
from choreo_local.embedded.kubelet.runtime import CallerStreams, StreamChoice

Output = tuple[str, bytes]

# A caller that does not read must not make us keep its output without bound: a command of its own
# is paused, from a main process that somebody else may need it misses the rest.
_PAUSE_ABOVE, _RESUME_BELOW = 32, 8
_MOST_QUEUED = 1024
_EXIT_OF_SIGNALS = 128


class Program(Protocol):
    """What a caller talks to: a child process, or a program that a container engine runs.

    `ended` is set to the return code, negative for a signal. Output that is paused makes the
    program wait. `resize` does nothing without a terminal.
    """

    @property
    def ended(self) -> asyncio.Future[int]: ...

    async def write_input(self, data: bytes) -> None: ...

    async def end_input(self) -> None: ...

    def resize(self, *, width: int, height: int) -> None: ...

    def pause_output(self) -> None: ...

    def resume_output(self) -> None: ...

    def kill(self) -> None: ...


class Outlet:
    """Hands output of a program to a caller, in order; it may end before it is all written.

    Attributes:
        source: the program whose output waits while the caller does not read.
    """

    def __init__(self, streams: CallerStreams, choice: StreamChoice) -> None:
        self._streams = streams
        self._choice = choice
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue()
        self.source: Program | None = None

    def offer(self, stream: str, data: bytes) -> None:
        """Queue a piece of output."""
        if not data or self._queue.qsize() >= _MOST_QUEUED:
            return
        self._queue.put_nowait((stream, data))
        if self.source is not None and self._queue.qsize() > _PAUSE_ABOVE:
            self.source.pause_output()

    def close(self) -> None:
        """Nothing more will come."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Write until closed; ConnectionError when the caller has gone."""
        while (item := await self._queue.get()) is not None:
            stream, data = item
            if self.source is not None and self._queue.qsize() < _RESUME_BELOW:
                self.source.resume_output()
            if stream == "stderr" and self._choice.stderr and not self._choice.tty:
                await self._streams.write_stderr(data)
            elif stream == "stdout" and self._choice.stdout:
                await self._streams.write_stdout(data)


async def run_command(command: Command, streams: CallerStreams, choice: StreamChoice) -> int:
    """Run a command for a caller; answers its exit code."""
    outlet = Outlet(streams, choice)
    if choice.tty:
        child = children.spawn_on_terminal(command, outlet.offer)
    else:
        child = children.spawn(command, outlet.offer, stdin=choice.stdin)
    return await serve(child, outlet, streams, choice)


async def serve(
    program: Program, outlet: Outlet, streams: CallerStreams, choice: StreamChoice
) -> int:
    """Connect a caller to a program of its own until that ends; answers its exit code."""
    outlet.source = program
    program.ended.add_done_callback(lambda _: outlet.close())
    try:
        await connect(program, outlet, streams, choice)
    finally:
        program.kill()
        # Also when we are cancelled: nobody else would learn of its end.
        await asyncio.wait({program.ended})
    return exit_code(program.ended.result())


async def attach(
    program: Program, listeners: set[OnOutput], streams: CallerStreams, choice: StreamChoice
) -> int:
    """Connect a caller to a program that runs already, until it ends or the caller leaves."""
    outlet = Outlet(streams, choice)
    program.ended.add_done_callback(lambda _: outlet.close())
    listeners.add(outlet.offer)
    try:
        await connect(program, outlet, streams, choice)
    finally:
        listeners.discard(outlet.offer)
    return exit_code(program.ended.result()) if program.ended.done() else 0


async def connect(
    program: Program, outlet: Outlet, streams: CallerStreams, choice: StreamChoice
) -> None:
    """Carry streams both ways until the output ends or the caller leaves."""
    helpers = [asyncio.ensure_future(_feed(program, streams))] if choice.stdin else []
    if choice.tty:
        helpers.append(asyncio.ensure_future(_resize(program, streams)))
    try:
        await outlet.run()
    except ConnectionError:
        return
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def _feed(program: Program, streams: CallerStreams) -> None:
    async for data in streams.stdin():
        await program.write_input(data)
    await program.end_input()


async def _resize(program: Program, streams: CallerStreams) -> None:
    async for size in streams.resizes():
        program.resize(width=size.width, height=size.height)


def exit_code(return_code: int) -> int:
    """A return code of subprocess as a shell would tell it."""
    return _EXIT_OF_SIGNALS - return_code if return_code < 0 else return_code
