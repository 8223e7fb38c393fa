"""The two ends of one connection as state machines: frames in, events out; no socket, no clock.

The shells around them (`clustergateway.connections`, `clusteragent.session`) write the frames that
the methods return, and act on the events of `receive`.
"""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.tunnel import messages
from choreo_local.tunnel.messages import (
    CREDIT,
    FrameError,
    StreamChunk,
    StreamInit,
    TunnelRequest,
    TunnelResponse,
)

# Requests and streams of one connection; upstream has no limit.
MAX_UNDER_WAY = 1024


class TooManyError(RuntimeError):
    """A connection carries as much as it may."""


@dataclass(frozen=True, slots=True)
class Requested:
    """The gateway wants an HTTP request to be made."""

    request: TunnelRequest


@dataclass(frozen=True, slots=True)
class Opened:
    """The gateway began a stream."""

    init: StreamInit


@dataclass(frozen=True, slots=True)
class Answered:
    """An agent answered a request."""

    response: TunnelResponse


@dataclass(frozen=True, slots=True)
class Received:
    """A piece of a stream arrived."""

    request_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Granted:
    """The other end of a stream has room for so many bytes more."""

    request_id: str
    count: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The other end closed a stream; `data` are its last words."""

    request_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """A frame that concerns nobody here; it is left aside."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A stream that cannot be served; the gateway must be told."""

    request_id: str
    reason: str


AgentEvent = Requested | Opened | Refused | Received | Granted | Closed | Dropped
GatewayEvent = Answered | Received | Granted | Closed | Dropped


class _Streams:
    """The streams of one end."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    def send(self, request_id: str, data: bytes) -> bytes:
        """The frame of a piece of a stream."""
        return StreamChunk(request_id, data).encode()

    def grant(self, request_id: str, count: int) -> bytes:
        """The frame that lets the other end send more."""
        return StreamChunk(request_id, str(count).encode(), CREDIT).encode()

    def close(self, request_id: str, data: bytes | None = None) -> bytes:
        """The frame that ends a stream; what still comes for it is dropped."""
        self.known.discard(request_id)
        return StreamChunk(request_id, data, is_close=True).encode()

    def _chunk(self, chunk: StreamChunk) -> Received | Granted | Closed | Dropped:
        if chunk.request_id not in self.known:
            return Dropped(f"no stream {chunk.request_id[:64]!r}")
        if chunk.is_close:
            self.known.discard(chunk.request_id)
            return Closed(chunk.request_id, chunk.data or b"")
        data = chunk.data or b""
        if chunk.stream_id == CREDIT:
            return _granted(chunk.request_id, data)
        return Received(chunk.request_id, data)


def _granted(request_id: str, data: bytes) -> Granted | Dropped:
    if not data.isdigit() or len(data) > 10:
        return Dropped(f"stream {request_id[:64]!r} is granted {data[:20]!r} bytes")
    return Granted(request_id, int(data))


class GatewayEnd(_Streams):
    """The gateway's end: sends requests and opens streams."""

    def __init__(self, *, limit: int = MAX_UNDER_WAY) -> None:
        super().__init__()
        self._limit = limit
        self._requests: set[str] = set()

    @property
    def under_way(self) -> int:
        """How many requests and streams are not over yet."""
        return len(self._requests) + len(self.known)

    def request(self, request: TunnelRequest) -> bytes:
        """The frame of a request, whose answer is awaited from now on."""
        self._check(request.request_id)
        frame = request.encode()
        self._requests.add(request.request_id)
        return frame

    def open(self, init: StreamInit) -> bytes:
        """The frame that begins a stream."""
        self._check(init.request_id)
        frame = init.encode()
        self.known.add(init.request_id)
        return frame

    def forget(self, request_id: str) -> None:
        """Nobody waits for this answer any more."""
        self._requests.discard(request_id)

    def receive(self, text: str | bytes) -> GatewayEvent:
        """What a frame from the agent means."""
        try:
            message = messages.read_at_gateway(text)
        except FrameError as error:
            return Dropped(str(error))
        if isinstance(message, StreamChunk):
            return self._chunk(message)
        if message.request_id not in self._requests:
            return Dropped(f"nobody waits for an answer to {message.request_id[:64]!r}")
        self._requests.discard(message.request_id)
        return Answered(message)

    def _check(self, request_id: str) -> None:
        if self.under_way >= self._limit:
            raise TooManyError(f"{self._limit} requests are under way already")
        if request_id in self._requests or request_id in self.known:
            raise ValueError(f"request {request_id!r} is under way already")


class AgentEnd(_Streams):
    """The agent's end: answers requests and serves streams."""

    def __init__(self, *, limit: int = MAX_UNDER_WAY) -> None:
        super().__init__()
        self._limit = limit

    def answer(self, response: TunnelResponse) -> bytes:
        """The frame of an answer."""
        return response.encode()

    def receive(self, text: str | bytes) -> AgentEvent:
        """What a frame from the gateway means."""
        try:
            message = messages.read_at_agent(text)
        except FrameError as error:
            return Dropped(str(error))
        if isinstance(message, StreamChunk):
            return self._chunk(message)
        if isinstance(message, TunnelRequest):
            return Requested(message)
        if message.request_id in self.known:
            return Dropped(f"stream {message.request_id[:64]!r} is open already")
        if len(self.known) >= self._limit:
            return Refused(message.request_id, f"{self._limit} streams are open already")
        self.known.add(message.request_id)
        return Opened(message)
