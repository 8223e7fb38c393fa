"""One stream to an agent, for its reader: in whatever loop that runs, with flow control."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from choreo_local.clustergateway.bridge import in_loop
from choreo_local.clustergateway.connections import AgentConnection, Lost, StreamEvent
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.errors import UnreachableError
from choreo_local.tunnel.connection import Closed, Granted
from choreo_local.tunnel.flow import ReceiveWindow, SendWindow
from choreo_local.tunnel.messages import HTTP_STREAM, WEBSOCKET, StreamInit

FIRST_SECONDS = 30.0
# What an agent of upstream may send ahead: it knows no flow control.
_MOST_BYTES = 16 << 20
_WINDOWED = frozenset({HTTP_STREAM, WEBSOCKET})


class Channel:
    """A stream; made by `opened`, to be used in the loop that made it.

    Args:
        init: how the stream began.
        gateway_loop: where the connection lives.
    """

    def __init__(self, init: StreamInit, *, gateway_loop: asyncio.AbstractEventLoop) -> None:
        self._id = init.request_id
        self._gateway_loop = gateway_loop
        self._loop = asyncio.get_running_loop()
        self._windowed = init.upgrade in _WINDOWED
        self._connection: AgentConnection | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._ended = False
        self._problem = ""
        self.last_words = b""
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._sending, self._receiving = SendWindow(), ReceiveWindow()

    def deliver(self, event: StreamEvent | Lost) -> None:
        """Something happened; called in the gateway's loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, event)

    def attach(self, connection: AgentConnection) -> None:
        """The stream was begun on this connection; called in the gateway's loop."""
        self._connection = connection
        if self._ended:
            # Its reader gave up meanwhile, in another thread.
            connection.close_stream(self._id)

    async def read(self) -> bytes | None:
        """The next piece, None at the end.

        Raises UnreachableError when the stream broke.
        """
        while not self._pieces:
            if self._problem:
                raise UnreachableError(self._problem)
            if self._ended:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        piece = self._pieces.popleft()
        self._held -= len(piece)
        credit = self._receiving.taken(len(piece)) if self._windowed else 0
        if credit and self._connection is not None:
            self._post(self._connection.grant, self._id, credit)
        return piece

    async def first(self) -> bytes | None:
        """The first piece; UnreachableError when the agent is silent."""
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                return await self.read()
        except TimeoutError:
            raise UnreachableError(
                f"the agent did not begin the stream within {FIRST_SECONDS:.0f} s"
            ) from None

    async def send(self, data: bytes) -> None:
        """A piece for the agent; waits until it has room for it."""
        while self._windowed and not self._sending.is_open and not self._is_over:
            self._room.clear()
            await self._room.wait()
        if self._connection is not None and not self._windowed:
            # The network alone holds back who sends to an agent of upstream.
            await in_loop(self._gateway_loop, self._connection.drained())
        if self._connection is not None and not self._is_over:
            self._sending.sent(len(data))
            self._post(self._connection.send, self._id, data)

    def close(self) -> None:
        """Nothing more is wanted."""
        was_over, self._ended = self._is_over, True
        if self._connection is not None and not was_over:
            self._post(self._connection.close_stream, self._id)

    @property
    def _is_over(self) -> bool:
        return self._ended or bool(self._problem)

    def _put(self, event: StreamEvent | Lost) -> None:
        if isinstance(event, Granted):
            self._sending.granted(event.count)
            self._room.set()
            return
        if isinstance(event, Lost):
            self._problem = event.reason
        elif isinstance(event, Closed):
            self._ended, self.last_words = True, event.data
        else:
            self._pieces.append(event.data)
            self._held += len(event.data)
            if self._held > _MOST_BYTES:
                self.close()
                self._problem = "the stream was ended: its reader is too slow"
        self._arrived.set()
        if self._is_over:
            self._room.set()

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        if not self._gateway_loop.is_closed():
            self._gateway_loop.call_soon_threadsafe(call, *arguments)


@asynccontextmanager
async def opened(
    gateway: ClusterGateway,
    where: tuple[str, str, str],
    init: StreamInit,
    *,
    gateway_loop: asyncio.AbstractEventLoop,
) -> AsyncIterator[Channel]:
    """A stream with an agent of `where`: plane type, plane id, key of the plane object."""
    channel = Channel(init, gateway_loop=gateway_loop)
    plane, plane_id, resource = where

    async def begin() -> None:
        connection = gateway.open(plane, plane_id, resource, init=init, deliver=channel.deliver)
        channel.attach(connection)

    try:
        await in_loop(gateway_loop, begin())
        yield channel
    finally:
        channel.close()
