"""One connection to the gateway: every request and stream is served by a task of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from choreo_local.clusteragent import backends, streams
from choreo_local.clusteragent.backends import Backends
from choreo_local.clusteragent.streams import AgentStream
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.tasks import TaskGroup
from choreo_local.tunnel import messages
from choreo_local.tunnel.connection import (
    AgentEnd,
    Closed,
    Dropped,
    Granted,
    Opened,
    Received,
    Refused,
    Requested,
)
from choreo_local.tunnel.messages import FrameError, StreamInit, TunnelRequest, TunnelResponse

logger = logging.getLogger(__name__)

# The gateway gives up after half a minute; some callers of ours wait longer.
_REQUEST_SECONDS = 120.0
_MOST_REQUESTS = 256
_NO_WIRE_LOGS = b"this cluster keeps no wire logs: no Hubble relay is configured"

Send = Callable[[bytes], Awaitable[None]]


class Session:
    """Serves what comes from the gateway.

    Args:
        served: target → backend.
        send: writes a frame.
    """

    def __init__(self, served: Backends, send: Send) -> None:
        self._backends = served
        self._send = send
        self._end = AgentEnd()
        self._tasks = TaskGroup("agent")
        self._requests = 0
        self._streams: dict[str, tuple[AgentStream, asyncio.Task[None]]] = {}

    async def received(self, frame: str | bytes) -> None:
        """A frame arrived."""
        event = self._end.receive(frame)
        if isinstance(event, Requested):
            await self._begin_request(event.request)
        elif isinstance(event, Opened):
            self._begin_stream(event.init)
        elif isinstance(event, Received):
            self._streams[event.request_id][0].received(event.data)
        elif isinstance(event, Granted):
            self._streams[event.request_id][0].granted(event.count)
        elif isinstance(event, Closed):
            self._streams.pop(event.request_id)[1].cancel()
        elif isinstance(event, Refused):
            await self._send(self._end.close(event.request_id, event.reason.encode()))
        elif isinstance(event, Dropped):
            logger.warning("Frame dropped reason=%s", event.reason)

    async def stop(self) -> None:
        """End everything that is under way."""
        await self._tasks.stop()

    @property
    def under_way(self) -> int:
        """How many requests and streams are served at the moment."""
        return self._requests + len(self._streams)

    # Requests.

    async def _begin_request(self, request: TunnelRequest) -> None:
        if self._requests >= _MOST_REQUESTS:
            reason = f"{_MOST_REQUESTS} requests are under way already"
            await self._send(_failed(request, 503, reason).encode())
            return
        self._requests += 1
        self._tasks.start(self._serve_request(request), name="request")

    async def _serve_request(self, request: TunnelRequest) -> None:
        try:
            await self._send(_frame(request, await self._answer(request)))
        except ConnectionError:
            # The gateway learns of the lost connection as soon as we do.
            return
        finally:
            self._requests -= 1

    async def _answer(self, request: TunnelRequest) -> TunnelResponse:
        backend = self._backends.get(request.target)
        if backend is None:
            return _failed(request, 404, f"this agent has no target {request.target[:40]!r}")
        try:
            found = await backend.request(
                request.method,
                request.path,
                query=backends.query_pairs(request.query),
                headers=backends.request_headers(request.headers),
                body=request.body or None,
                timeout_seconds=_REQUEST_SECONDS,
            )
        except (ApiError, UnreachableError, ValueError) as error:
            return _failed(request, 502, str(error))
        return TunnelResponse(
            request.request_id,
            found.status,
            headers=backends.response_headers(found.headers),
            body=found.body,
        )

    # Streams.

    def _begin_stream(self, init: StreamInit) -> None:
        request_id = init.request_id

        async def write(data: bytes) -> None:
            await self._send(self._end.send(request_id, data))

        async def grant(count: int) -> None:
            await self._send(self._end.grant(request_id, count))

        stream = AgentStream(init, write=write, grant=grant)
        task = self._tasks.start(self._serve_stream(stream), name="stream")
        self._streams[request_id] = stream, task

    async def _serve_stream(self, stream: AgentStream) -> None:
        request_id, words = stream.init.request_id, b"the agent failed"
        try:
            words = await self._stream_words(stream)
        except (ConnectionError, ValueError) as error:
            words = str(error).encode()
        finally:
            # Not when the gateway closed it, which cancels this task.
            if self._streams.pop(request_id, None) is not None:
                with suppress(ConnectionError):
                    await self._send(self._end.close(request_id, words or None))

    async def _stream_words(self, stream: AgentStream) -> bytes:
        if stream.init.target == messages.HUBBLE:
            return _NO_WIRE_LOGS
        backend = self._backends.get(stream.init.target)
        if backend is None:
            return f"this agent has no target {stream.init.target[:40]!r}".encode()
        return await streams.serve(stream, backend)


def _frame(request: TunnelRequest, answer: TunnelResponse) -> bytes:
    try:
        frame = answer.encode()
    except FrameError as error:
        return _failed(request, 502, f"the answer cannot be sent: {error}").encode()
    if len(frame) > messages.MAX_MESSAGE_BYTES:
        return _failed(request, 502, "the answer is too large for the tunnel").encode()
    return frame


def _failed(request: TunnelRequest, status: int, reason: str) -> TunnelResponse:
    headers: Mapping[str, list[str]] = {"Content-Type": ["text/plain; charset=utf-8"]}
    return TunnelResponse(request.request_id, status, headers=headers, error=reason)
