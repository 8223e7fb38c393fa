"""One agent's connection: TLS and WebSocket over a socket, heartbeats, back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from OpenSSL import SSL

from choreo_local.clustergateway.framing import Handshake, Message, Pong, ServerFraming
from choreo_local.clustergateway.tls import ServerTls, TlsError
from choreo_local.clustergateway.trust import Presented
from choreo_local.tasks import TaskGroup

_HANDSHAKE_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How often an agent is asked for a sign of life, and how long it may not give any."""

    interval_seconds: float = 30.0
    timeout_seconds: float = 90.0


@dataclass(frozen=True, slots=True)
class Hello:
    """How an agent introduces itself."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    presented: Presented | None
    remote: str


class Receiver:
    """Whom a socket tells of what happens once it is accepted."""

    def received(self, message: bytes) -> None:
        """A message arrived."""

    def beat(self) -> None:
        """The agent gave a sign of life."""

    def lost(self, reason: str) -> None:
        """The connection is over."""


Greet = Callable[["AgentSocket", Hello], Coroutine[Any, Any, None]]


class AgentSocket(asyncio.Protocol):
    """Serves one connection; `greet` must call `accept` or `reject`.

    Args:
        context: of TLS.
        greet: decides about a new agent.
        tasks: where `greet` runs.
        heartbeat: for accepted agents.
    """

    def __init__(
        self, context: SSL.Context, *, greet: Greet, tasks: TaskGroup, heartbeat: Heartbeat
    ) -> None:
        self._tls = ServerTls(context)
        self._framing = ServerFraming()
        self._greet = greet
        self._tasks = tasks
        self._heartbeat = heartbeat
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reason = "the agent closed the connection"

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop derives its transports from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._expect(_HANDSHAKE_SECONDS, "it did not finish its handshake in time")

    def data_received(self, data: bytes) -> None:
        try:
            plain = self._tls.receive(data)
            if plain:
                for event in self._framing.receive(plain):
                    self._happened(event)
        except TlsError as error:
            self._reason = str(error)
            self._flush(only_tls=True)
            self.abort()
            return
        self._flush()

    def eof_received(self) -> bool:
        self._framing.end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and str(exc):
            self._reason = f"the connection broke: {exc}"
        if self._deadline is not None:
            self._deadline.cancel()
        for timer in self._timers:
            timer.cancel()
        self._writable.set()
        self._transport = None
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(self._reason)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What the gateway does with it.

    def accept(self, receiver: Receiver, headers: Mapping[str, str]) -> bool:
        """Take the agent in; False when its handshake is no WebSocket's or it has left."""
        if self._transport is None or not self._framing.accept(headers):
            self._flush()
            return False
        self._receiver = receiver
        self._expect_pong()
        self._ping_later()
        self._flush()
        self._transport.resume_reading()
        return True

    def reject(self, status: int, text: str) -> None:
        """Send the agent away."""
        if self._transport is not None:
            self._framing.reject(status, text)
            self._flush()
            self._transport.resume_reading()
            self._expect(_CLOSE_SECONDS, text)

    def send(self, message: bytes) -> None:
        """Send a message; ConnectionError when the connection is over."""
        if self._transport is None:
            raise ConnectionError(f"the connection is over: {self._reason}")
        self._framing.send(message)
        self._flush()

    async def drained(self) -> None:
        """Return once the network has taken most of what was sent."""
        await self._writable.wait()

    def close(self, reason: str) -> None:
        """End the connection in order."""
        self._reason = reason
        if self._transport is None:
            return
        self._framing.close(1000, reason[:100])
        self._flush()
        self._expect(_CLOSE_SECONDS, reason)

    def abandon(self, reason: str) -> None:
        """End the connection now, without a word to the agent."""
        self._reason = reason
        self.abort()

    def abort(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _happened(self, event: Handshake | Message | Pong) -> None:
        if isinstance(event, Handshake):
            # Who is not known yet must not fill our memory.
            assert self._transport is not None
            self._transport.pause_reading()
            try:
                hello = self._hello(event)
            except ValueError as error:
                self.reject(400, f"cannot read the request: {error}")
                return
            self._tasks.start(self._greet(self, hello), name="agent")
        elif self._receiver is None:
            return
        elif isinstance(event, Pong):
            self._expect_pong()
            self._receiver.beat()
        else:
            self._receiver.beat()
            self._receiver.received(event.data)

    def _hello(self, handshake: Handshake) -> Hello:
        assert self._transport is not None
        parts = urlsplit(handshake.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        address = self._transport.get_extra_info("peername") or ("?",)
        return Hello(
            parts.path, query, handshake.headers, self._tls.presented(), remote=str(address[0])
        )

    def _flush(self, *, only_tls: bool = False) -> None:
        if self._transport is None:
            return
        plain = b"" if only_tls else self._framing.outgoing()
        try:
            if plain:
                self._tls.send(plain)
        except TlsError as error:
            self._reason = str(error)
            self.abort()
            return
        data = self._tls.outgoing()
        if data:
            self._transport.write(data)
        if not only_tls and self._framing.is_over:
            self._transport.close()

    # Time.

    def _expect(self, seconds: float, reason: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self._too_late, reason)

    def _expect_pong(self) -> None:
        seconds = self._heartbeat.timeout_seconds
        self._expect(seconds, f"the agent gave no sign of life for {seconds:.0f} s")

    def _too_late(self, reason: str) -> None:
        self._reason = reason
        self.abort()

    def _ping_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(self._heartbeat.interval_seconds, self._ping)]

    def _ping(self) -> None:
        self._framing.ping()
        self._flush()
        self._ping_later()
