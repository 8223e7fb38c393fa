"""Kubernetes requests through the tunnel: a transport for `KubeClient`, for any thread.

Our own agents serve streams. Those of upstream serve requests and commands in containers only: a
watch becomes a row of short ones, what else would stream is refused as upstream's gateway does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from choreo_local import clock
from choreo_local.clustergateway import upstreamexec
from choreo_local.clustergateway.bridge import in_loop
from choreo_local.clustergateway.channel import Channel, opened
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.errors import ForbiddenError, TooLargeError, UnreachableError
from choreo_local.kubeclient.transport import (
    Query,
    Response,
    StreamedResponse,
    WebSocket,
)
from choreo_local.tunnel import messages, planes
from choreo_local.tunnel.messages import StreamInit, TunnelRequest, TunnelResponse

_WATCH_SECONDS = 5
_SLACK_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Where:
    """A plane object whose cluster is meant."""

    plane: str
    plane_id: str
    resource: str

    @property
    def parts(self) -> tuple[str, str, str]:
        """As the gateway wants it."""
        return self.plane, self.plane_id, self.resource

    def __str__(self) -> str:
        """For messages."""
        return planes.identifier(self.plane, self.plane_id)


class GatewayTransport:
    """Implements `kubeclient.transport.Transport`.

    Args:
        gateway: knows the agents.
        loop: where the gateway lives.
        where: whose cluster is meant.
    """

    def __init__(
        self, gateway: ClusterGateway, *, loop: asyncio.AbstractEventLoop, where: Where
    ) -> None:
        self._gateway = gateway
        self._loop = loop
        self._where = where

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 60,
    ) -> Response:
        """One complete exchange; UnreachableError when nothing answers in time."""
        if body is not None and len(body) > messages.MAX_BODY_BYTES:
            limit = messages.MAX_BODY_BYTES >> 20
            raise TooLargeError(f"cannot {method} {path}: more than {limit} MiB for the tunnel")
        request = TunnelRequest(
            clock.new_uid(),
            messages.KUBERNETES,
            method,
            path,
            query=_encoded(query),
            headers=_listed(headers),
            body=body or b"",
        )
        return _response(await self._exchange(request, timeout_seconds), self._where)

    async def _exchange(self, request: TunnelRequest, timeout_seconds: float) -> TunnelResponse:
        plane, plane_id, resource = self._where.parts
        asking = self._gateway.request(
            plane, plane_id, resource, request=request, timeout_seconds=timeout_seconds
        )
        try:
            return await in_loop(self._loop, asking)
        except ForbiddenError as error:
            raise _not_authorized(self._where, error) from error

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        """An answer that is read as it arrives."""
        if not self._knows(messages.HTTP_STREAM):
            yield await self._polled(method, path, query, headers)
            return
        init = self._init(method, path, query, headers, upgrade=messages.HTTP_STREAM)
        async with self._opened(init) as channel:
            head = await _head(channel, self._where)
            yield _Streamed(head.status, channel, self._where)

    @asynccontextmanager
    async def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AsyncIterator[WebSocket]:
        """A WebSocket with one of `protocols`."""
        if not self._knows(messages.WEBSOCKET):
            if not path.endswith("/exec"):
                raise UnreachableError(
                    f"cannot open {path}: the agent of {self._where} can only run commands"
                )
            init = self._init("POST", path, query, None, upgrade=messages.EXEC)
            async with self._opened(init) as channel:
                yield upstreamexec.ExecSocket(channel)
            return
        offered = {"Sec-WebSocket-Protocol": ", ".join(protocols)} if protocols else None
        init = self._init("GET", path, query, offered, upgrade=messages.WEBSOCKET)
        async with self._opened(init) as channel:
            head = await _head(channel, self._where)
            yield _Socket(channel, head.protocol, self._where)

    async def close(self) -> None:
        """Nothing to close: the connection is the agent's."""

    def _knows(self, feature: str) -> bool:
        """Whether every agent that may be asked knows a kind of stream."""
        found = self._gateway.connections.of_resource(*self._where.parts)
        return all(feature in connection.agent.features for connection in found)

    def _init(
        self,
        method: str,
        path: str,
        query: Query,
        headers: Mapping[str, str] | None,
        *,
        upgrade: str,
    ) -> StreamInit:
        return StreamInit(
            clock.new_uid(),
            messages.KUBERNETES,
            method,
            path,
            query=_encoded(query),
            headers=_listed(headers),
            upgrade=upgrade,
        )

    @asynccontextmanager
    async def _opened(self, init: StreamInit) -> AsyncIterator[Channel]:
        opening = opened(self._gateway, self._where.parts, init, gateway_loop=self._loop)
        try:
            async with opening as channel:
                yield channel
        except ForbiddenError as error:
            raise _not_authorized(self._where, error) from error

    async def _polled(
        self, method: str, path: str, query: Query, headers: Mapping[str, str] | None
    ) -> StreamedResponse:
        pairs = dict(query.items() if isinstance(query, Mapping) else query)
        if pairs.get("follow") == "true":
            raise UnreachableError(
                f"cannot follow {path}: the agent of {self._where} does not serve streams",
                remedy="Ask without following, or connect the plane with: choreo agent",
            )
        if pairs.get("watch") == "true":
            pairs["timeoutSeconds"] = str(_WATCH_SECONDS)
        seconds = _WATCH_SECONDS + _SLACK_SECONDS
        found = await self.request(
            method, path, query=pairs, headers=headers, timeout_seconds=seconds
        )
        return _Whole(found)


class _Streamed:
    def __init__(self, status: int, channel: Channel, where: Where) -> None:
        self._status = status
        self._channel = channel
        self._where = where

    @property
    def status(self) -> int:
        return self._status

    async def chunks(self) -> AsyncIterator[bytes]:
        while (piece := await self._channel.read()) is not None:
            yield piece
        _complain(self._channel, self._where)


class _Whole:
    """An answer that came at once."""

    def __init__(self, response: Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._response.body


class _Socket:
    def __init__(self, channel: Channel, protocol: str | None, where: Where) -> None:
        self._channel = channel
        self._protocol = protocol
        self._where = where

    @property
    def protocol(self) -> str | None:
        return self._protocol

    async def send(self, data: bytes) -> None:
        await self._channel.send(data)

    async def messages(self) -> AsyncIterator[bytes]:
        while (piece := await self._channel.read()) is not None:
            yield piece
        _complain(self._channel, self._where)


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    protocol: str | None


async def _head(channel: Channel, where: Where) -> _Head:
    """The first piece of our own streams: how the backend answered."""
    piece = await channel.first()
    if piece is None:
        _complain(channel, where)
        raise UnreachableError(f"the agent of {where} ended the stream before its begin")
    try:
        content = orjson.loads(piece)
        return _Head(int(content["statusCode"]), content.get("protocol") or None)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreachableError(f"cannot understand the agent of {where}") from error


def _complain(channel: Channel, where: Where) -> None:
    if channel.last_words:
        words = channel.last_words.decode(errors="replace")[:500]
        raise UnreachableError(f"the agent of {where} ended the stream: {words}")


def _response(answer: TunnelResponse, where: Where) -> Response:
    if answer.error:
        raise UnreachableError(
            f"the agent of {where} answered {answer.status_code}: {answer.error}"
        )
    headers = {name.lower(): values[-1] for name, values in answer.headers.items() if values}
    return Response(answer.status_code, answer.body, headers)


def _not_authorized(where: Where, error: ForbiddenError) -> UnreachableError:
    return UnreachableError(
        f"cannot reach {where}: {error.message}",
        remedy="Register the certificate of its agent: spec.clusterAgent.clientCA of the plane",
    )


def _encoded(query: Query) -> str:
    return urlencode(list(query.items()) if isinstance(query, Mapping) else list(query))


def _listed(headers: Mapping[str, str] | None) -> dict[str, list[str]]:
    return {name: [value] for name, value in (headers or {}).items()}
