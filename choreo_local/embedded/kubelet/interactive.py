"""Exec and attach for runtimes whose containers are child processes: callers' streams to pipes."""

from __future__ import annotations

import asyncio
import signal

from choreo_local.embedded.kubelet import children
from choreo_local.embedded.kubelet.children import Child, OnOutput
from choreo_local.embedded.kubelet.launch import Command
from choreo_local.embedded.kubelet.runtime import CallerStreams, StreamChoice

Output = tuple[str, bytes]

# A caller that does not read must not make us keep its output without bound: a command of its own
# is paused, from a main process that somebody else may need it misses the rest.
_PAUSE_ABOVE, _RESUME_BELOW = 32, 8
_MOST_QUEUED = 1024
_EXIT_OF_SIGNALS = 128


class Outlet:
    """Hands output of a child to a caller, in order; the child may end before it is all written.

    Attributes:
        source: the child whose output waits while the caller does not read.
    """

    def __init__(self, streams: CallerStreams, choice: StreamChoice) -> None:
        self._streams = streams
        self._choice = choice
        self._queue: asyncio.Queue[Output | None] = asyncio.Queue()
        self.source: Child | None = None

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
    outlet.source = child
    child.ended.add_done_callback(lambda _: outlet.close())
    try:
        await connect(child, outlet, streams, choice)
    finally:
        child.kill()
        # Also when we are cancelled: nobody else would learn of its end.
        await asyncio.wait({child.ended})
    return exit_code(child.ended.result())


async def attach(
    child: Child, listeners: set[OnOutput], streams: CallerStreams, choice: StreamChoice
) -> int:
    """Connect a caller to a child that runs already, until it ends or the caller leaves."""
    outlet = Outlet(streams, choice)
    child.ended.add_done_callback(lambda _: outlet.close())
    listeners.add(outlet.offer)
    try:
        await connect(child, outlet, streams, choice)
    finally:
        listeners.discard(outlet.offer)
    return exit_code(child.ended.result()) if child.ended.done() else 0


async def connect(
    child: Child, outlet: Outlet, streams: CallerStreams, choice: StreamChoice
) -> None:
    """Carry streams both ways until the output ends or the caller leaves."""
    helpers = [asyncio.ensure_future(_feed(child, streams))] if choice.stdin else []
    if choice.tty:
        helpers.append(asyncio.ensure_future(_resize(child, streams)))
    try:
        await outlet.run()
    except ConnectionError:
        return
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def _feed(child: Child, streams: CallerStreams) -> None:
    async for data in streams.stdin():
        await child.write_input(data)
    if child.terminal is None:
        child.close_input()
    else:
        await child.write_input(b"\x04")


async def _resize(child: Child, streams: CallerStreams) -> None:
    async for size in streams.resizes():
        child.resize(width=size.width, height=size.height)
        child.send_signal(signal.SIGWINCH)


def exit_code(return_code: int) -> int:
    """A return code of subprocess as a shell would tell it."""
    return _EXIT_OF_SIGNALS - return_code if return_code < 0 else return_code
