"""The agents that are connected: which of them serves which plane object, and what it is asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from choreo_local import clock
from choreo_local.clustergateway.agentsocket import Receiver
from choreo_local.clustergateway.trust import Presented
from choreo_local.errors import ForbiddenError, UnreachableError
from choreo_local.tunnel import connection as protocol
from choreo_local.tunnel import planes
from choreo_local.tunnel.connection import Answered, Closed, GatewayEnd, Granted, Received
from choreo_local.tunnel.messages import FrameError, StreamInit, TunnelRequest, TunnelResponse

StreamEvent = Received | Granted | Closed
Deliver = Callable[["StreamEvent | Lost"], None]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection on which a stream was is over."""

    reason: str


class LostError(UnreachableError):
    """The connection broke before the answer came; whether the request was served is not known."""


class Socket(Protocol):
    """What carries messages to an agent."""

    def send(self, message: bytes) -> None: ...

    async def drained(self) -> None: ...

    def close(self, reason: str) -> None: ...

    def abandon(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Agent:
    """Who is at the other end.

    Attributes:
        plane: e.g. `dataplane`.
        version: as it says; "" of one that is not ours.
        features: the kinds of streams it knows beside upstream's.
        process: names the agent's process; "" of one that is not ours.
    """

    plane: str
    plane_id: str
    presented: Presented
    remote: str
    version: str = ""
    features: frozenset[str] = frozenset()
    process: str = ""
    identifier: str = field(default_factory=clock.new_uid)
    connected_at: datetime = field(default_factory=clock.now)

    @property
    def serves(self) -> str:
        """The plane's name in messages."""
        return planes.identifier(self.plane, self.plane_id)


@dataclass(frozen=True, slots=True)
class _Stream:
    resource: str
    deliver: Deliver


class AgentConnection(Receiver):
    """One connected agent.

    Args:
        agent: who it is.
        resources: keys of the plane objects it may serve.
        socket: carries the messages.
        on_lost: told when it is over.
    """

    def __init__(
        self,
        agent: Agent,
        resources: frozenset[str],
        *,
        socket: Socket,
        on_lost: Callable[[AgentConnection, str], None],
    ) -> None:
        self.agent = agent
        self.resources = resources
        self.last_seen = clock.now()
        self.dropped = 0
        self._socket = socket
        self._on_lost = on_lost
        self._end = GatewayEnd()
        self._waiting: dict[str, asyncio.Future[TunnelResponse]] = {}
        self._streams: dict[str, _Stream] = {}

    @property
    def under_way(self) -> int:
        """How many requests and streams are not over yet."""
        return self._end.under_way

    async def request(self, request: TunnelRequest, *, timeout_seconds: float) -> TunnelResponse:
        """One exchange.

        Raises UnreachableError when no answer comes in time, or the agent has too much to do;
        LostError when the connection broke meanwhile.
        """
        future: asyncio.Future[TunnelResponse] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._socket.drained()
                frame = self._end.request(request)
                self._waiting[request.request_id] = future
                self._socket.send(frame)
                return await future
        except TimeoutError:
            raise UnreachableError(
                f"the agent of {self.agent.serves} gave no answer within {timeout_seconds:.0f} s"
            ) from None
        except (protocol.TooManyError, FrameError, ConnectionError) as error:
            raise self._cannot_ask(error) from error
        finally:
            self._waiting.pop(request.request_id, None)
            self._end.forget(request.request_id)

    def open(self, init: StreamInit, resource: str, deliver: Deliver) -> None:
        """Begin a stream for a plane object; `deliver` is called in this loop, must not block."""
        try:
            frame = self._end.open(init)
            self._streams[init.request_id] = _Stream(resource, deliver)
            self._socket.send(frame)
        except (protocol.TooManyError, FrameError, ConnectionError) as error:
            self._streams.pop(init.request_id, None)
            raise self._cannot_ask(error) from error

    def send(self, request_id: str, data: bytes) -> None:
        """A piece of a stream; nothing happens when the stream is over."""
        self._send_on(request_id, lambda: self._end.send(request_id, data))

    async def drained(self) -> None:
        """Return once the network has taken most of what was sent."""
        await self._socket.drained()

    def grant(self, request_id: str, count: int) -> None:
        """Let the agent send more of a stream."""
        self._send_on(request_id, lambda: self._end.grant(request_id, count))

    def close_stream(self, request_id: str) -> None:
        """End a stream."""
        self._send_on(request_id, lambda: self._end.close(request_id))
        self._streams.pop(request_id, None)

    def revoke(self, resource: str, reason: str) -> None:
        """The agent may not serve a plane object any more: what it does for it ends."""
        self.resources -= {resource}
        for request_id, stream in list(self._streams.items()):
            if stream.resource == resource:
                self.close_stream(request_id)
                stream.deliver(Lost(f"the agent of {self.agent.serves} lost its rights: {reason}"))

    def close(self, reason: str) -> None:
        """Send the agent away."""
        self._socket.close(reason)

    def abandon(self, reason: str) -> None:
        """The agent is not at the other end any more."""
        self._socket.abandon(reason)

    def _cannot_ask(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"cannot ask the agent of {self.agent.serves}: {error}")

    def _send_on(self, request_id: str, frame: Callable[[], bytes]) -> None:
        if request_id in self._streams:
            try:
                self._socket.send(frame())
            except ConnectionError:
                # `lost` tells the stream's reader, or is about to.
                return

    # What the socket tells.

    def received(self, message: bytes) -> None:
        """Hand a message on to whom it concerns."""
        event = self._end.receive(message)
        if isinstance(event, Answered):
            future = self._waiting.get(event.response.request_id)
            if future is not None and not future.done():
                future.set_result(event.response)
        elif isinstance(event, Received | Granted):
            self._streams[event.request_id].deliver(event)
        elif isinstance(event, Closed):
            self._streams.pop(event.request_id).deliver(event)
        else:
            self.dropped += 1

    def beat(self) -> None:
        """The agent lives."""
        self.last_seen = clock.now()

    def lost(self, reason: str) -> None:
        """Fail whatever is under way."""
        message = f"the connection to the agent of {self.agent.serves} was lost: {reason}"
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LostError(message))
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.deliver(Lost(message))
        self._on_lost(self, reason)


class Connections:
    """All connected agents; chooses one for each request, in turn."""

    def __init__(self) -> None:
        # Tuples: other threads read them.
        self._by_plane: dict[str, tuple[AgentConnection, ...]] = {}
        self._turns: dict[tuple[str, str], int] = defaultdict(int)

    def __iter__(self) -> Iterator[AgentConnection]:
        """All of them."""
        for connections in list(self._by_plane.values()):
            yield from connections

    def add(self, connection: AgentConnection) -> None:
        """An agent has come."""
        serves = connection.agent.serves
        self._by_plane[serves] = (*self._by_plane.get(serves, ()), connection)

    def remove(self, connection: AgentConnection) -> None:
        """An agent has left."""
        serves = connection.agent.serves
        before = self._by_plane.get(serves, ())
        rest = tuple(each for each in before if each is not connection)
        if rest:
            self._by_plane[serves] = rest
            return
        self._by_plane.pop(serves, None)
        for key in [key for key in self._turns if key[0] == serves]:
            del self._turns[key]

    def of_plane(self, plane: str, plane_id: str) -> tuple[AgentConnection, ...]:
        """The agents of a plane; may be called in any thread."""
        return self._by_plane.get(planes.identifier(plane, plane_id), ())

    def of_resource(self, plane: str, plane_id: str, resource: str) -> list[AgentConnection]:
        """The agents that may serve a plane object; may be called in any thread."""
        return [each for each in self.of_plane(plane, plane_id) if resource in each.resources]

    def choose(self, plane: str, plane_id: str, resource: str) -> AgentConnection:
        """The agent whose turn it is.

        Raises UnreachableError when the plane has none, ForbiddenError when none of them may serve
        this plane object.
        """
        serves = planes.identifier(plane, plane_id)
        if serves not in self._by_plane:
            raise UnreachableError(f"no agents found for plane {serves}")
        allowed = self.of_resource(plane, plane_id, resource)
        if not allowed:
            raise ForbiddenError(f"no agents authorized for CR {resource}")
        turn = self._turns[serves, resource]
        self._turns[serves, resource] += 1
        return allowed[turn % len(allowed)]
