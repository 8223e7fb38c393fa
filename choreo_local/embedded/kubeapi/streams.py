"""The streams of exec and attach, over the channels of a WebSocket or the streams of SPDY.

`podstreams` picks one of the two; the kubelet sees `nodes.CallerStreams` in either case.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson

from choreo_local.embedded.kubeapi import problems, spdy
from choreo_local.embedded.kubeapi.messages import Duplex
from choreo_local.embedded.kubeapi.nodes import StreamOptions, TerminalSize
from choreo_local.errors import ApiError

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
_CLOSE = 255
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
# In the order of preference; the older ones tell no exit code.
WEBSOCKET_PROTOCOLS = (
    V5,
    V4,
    "channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "base64.channel.k8s.io",
)
SPDY_PROTOCOLS = (V5, V4, "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
_QUEUED = 32
_SPDY_OPEN_SECONDS = 30.0

# Streams of the caller → exit code; what exec and attach of a node are.
Session = Callable[[Any], Awaitable[int]]


class _Inbox:
    """What the caller sends: bytes for stdin, sizes of its terminal."""

    def __init__(self) -> None:
        self.stdin: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        self.sizes: asyncio.Queue[TerminalSize | None] = asyncio.Queue(_QUEUED)

    def resized(self, data: bytes) -> None:
        try:
            size = orjson.loads(data)
            found = TerminalSize(int(size["Width"]), int(size["Height"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        if not self.sizes.full():
            self.sizes.put_nowait(found)

    def end(self) -> None:
        for queue in (self.stdin, self.sizes):
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)


class _Caller:
    """`nodes.CallerStreams` on top of an inbox and two ways to send."""

    def __init__(
        self,
        inbox: _Inbox,
        stdout: Callable[[bytes], Awaitable[None]],
        stderr: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._inbox = inbox
        self._stdout = stdout
        self._stderr = stderr

    async def stdin(self) -> AsyncIterator[bytes]:
        while (data := await self._inbox.stdin.get()) is not None:
            yield data

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        while (size := await self._inbox.sizes.get()) is not None:
            yield size

    async def write_stdout(self, data: bytes) -> None:
        await self._stdout(data)

    async def write_stderr(self, data: bytes) -> None:
        await self._stderr(data)


def exit_status(code: int) -> dict[str, Any]:
    """The Status that tells the caller how a command has ended."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure_status(error: Exception) -> dict[str, Any]:
    """The Status of a session that could not be held."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": str(error),
        "reason": "InternalError",
        "code": 500,
    }


async def _outcome(session: Session, caller: _Caller) -> dict[str, Any]:
    try:
        return exit_status(await session(caller))
    except ApiError as error:
        return problems.to_status(error)
    except (OSError, RuntimeError) as error:
        return failure_status(error)


async def serve_channels(
    duplex: Duplex, session: Session, options: StreamOptions, protocol: str
) -> None:
    """Hold a session over the channels of a WebSocket."""
    encode, decode = _codec(protocol)
    inbox = _Inbox()

    async def send(channel: int, data: bytes) -> None:
        await duplex.send(encode(channel, data))

    async def receive() -> None:
        try:
            while (message := await duplex.receive()) is not None:
                if message:
                    await _sort(inbox, decode(message))
        finally:
            inbox.end()

    caller = _Caller(inbox, lambda data: send(STDOUT, data), lambda data: send(STDERR, data))
    reader = asyncio.ensure_future(receive())
    try:
        status = await _outcome(session, caller)
        with contextlib.suppress(ConnectionError):
            if protocol.startswith(("v4", "v5")):
                await send(ERROR, orjson.dumps(status))
            await duplex.close()
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _sort(inbox: _Inbox, message: tuple[int, bytes]) -> None:
    channel, data = message
    if channel == STDIN:
        await inbox.stdin.put(data)
    elif channel == RESIZE:
        inbox.resized(data)
    elif channel == _CLOSE and data[:1] == bytes([STDIN]):
        await inbox.stdin.put(None)


def _codec(
    protocol: str,
) -> tuple[Callable[[int, bytes], bytes], Callable[[bytes], tuple[int, bytes]]]:
    if "base64" in protocol:
        return (
            lambda channel, data: str(channel).encode() + base64.b64encode(data),
            lambda message: (message[0] - ord("0"), base64.b64decode(message[1:])),
        )
    return (
        lambda channel, data: bytes([channel]) + data,
        lambda message: (message[0], message[1:]),
    )


async def serve_spdy(
    duplex: Duplex, session: Session, options: StreamOptions, protocol: str
) -> None:
    """Hold a session over the streams of SPDY."""
    wanted = {"error"} | {
        name
        for name, is_wanted in (
            ("stdin", options.stdin),
            ("stdout", options.stdout),
            ("stderr", options.stderr and not options.tty),
        )
        if is_wanted
    }
    found: dict[str, spdy.Stream] = {}
    complete = asyncio.Event()

    async def opened(stream: spdy.Stream) -> None:
        found[stream.headers.get("streamtype", "")] = stream
        if wanted <= found.keys():
            complete.set()

    connection = spdy.Connection(duplex, opened)
    reader = asyncio.ensure_future(connection.run())
    try:
        async with asyncio.timeout(_SPDY_OPEN_SECONDS):
            await complete.wait()
        with contextlib.suppress(ConnectionError):
            await _hold_spdy(found, session, protocol)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _hold_spdy(found: dict[str, spdy.Stream], session: Session, protocol: str) -> None:
    inbox = _Inbox()
    pumps = [
        asyncio.ensure_future(_pump_stdin(found.get("stdin"), inbox)),
        asyncio.ensure_future(_pump_sizes(found, inbox)),
    ]

    async def discard(_: bytes) -> None:
        return

    stdout, stderr = found.get("stdout"), found.get("stderr")
    caller = _Caller(inbox, stdout.send if stdout else discard, stderr.send if stderr else discard)
    try:
        status = await _outcome(session, caller)
        for stream in (stdout, stderr):
            if stream is not None:
                await stream.close()
        error = found["error"]
        if protocol.startswith(("v4", "v5")):
            await error.send(orjson.dumps(status))
        elif status["status"] != "Success":
            await error.send(str(status["message"]).encode())
        await error.close()
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump_stdin(stream: spdy.Stream | None, inbox: _Inbox) -> None:
    if stream is not None:
        while (data := await stream.receive()) is not None:
            await inbox.stdin.put(data)
    await inbox.stdin.put(None)


async def _pump_sizes(found: dict[str, spdy.Stream], inbox: _Inbox) -> None:
    stream = found.get("resize")
    if stream is None:
        return
    while (data := await stream.receive()) is not None:
        for line in data.splitlines():
            inbox.resized(line)
