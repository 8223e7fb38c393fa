"""The kube API as function calls: a Transport for clients in the loop of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.messages import (
    MASTER,
    Request,
    Response,
    StreamingResponse,
    UpgradeResponse,
    User,
)
from choreo_local.embedded.kubeapi.pipes import Pipe
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient import transport
from choreo_local.kubeclient.transport import Query


class LocalTransport:
    """Implements `kubeclient.transport.Transport`; only for the loop that serves the API.

    Args:
        api: answers the requests.
        user: as whom they are made.
        agent: the User-Agent, which names the field manager of writes that do not.
    """

    def __init__(self, api: KubeApi, *, user: User = MASTER, agent: str = "choreo") -> None:
        self._api = api
        self._user = user
        self._agent = agent

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 60,
    ) -> transport.Response:
        """One complete exchange."""
        if method != "GET":
            # Nothing in here waits for anything outside: a caller that writes in a loop would keep
            # everybody else, its own watches included, from running.
            await asyncio.sleep(0)
        answer = await self._api.handle(self._request(method, path, query, headers, body))
        if isinstance(answer, Response):
            named = {name.lower(): value for name, value in answer.headers}
            return transport.Response(answer.status, answer.body, named)
        if isinstance(answer, StreamingResponse):
            async with aclosing(_closable(answer.chunks)) as chunks:
                content = b"".join([chunk async for chunk in chunks])
            return transport.Response(answer.status, content)
        raise UnreachableError(f"cannot {method} {path}: it answers with a stream only")

    def _request(
        self,
        method: str,
        path: str,
        query: Query,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> Request:
        pairs = tuple(query.items()) if isinstance(query, Mapping) else tuple(query)
        named = {"user-agent": self._agent}
        for name, value in (headers or {}).items():
            named[name.lower()] = value
        return Request(method, path, pairs, named, body or b"", self._user)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[transport.StreamedResponse]:
        """An answer that is read as it arrives."""
        answer = await self._api.handle(self._request(method, path, query, headers, None))
        if isinstance(answer, StreamingResponse):
            async with aclosing(_closable(answer.chunks)) as chunks:
                yield _Streamed(answer.status, chunks)
        elif isinstance(answer, Response):
            yield _Streamed(answer.status, _once(answer.body))
        else:
            raise UnreachableError(f"cannot {method} {path}: it answers with a socket only")

    @asynccontextmanager
    async def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AsyncIterator[transport.WebSocket]:
        """A WebSocket with one of `protocols`."""
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Protocol": ", ".join(protocols),
        }
        answer = await self._api.handle(self._request("GET", path, query, headers, None))
        if not isinstance(answer, UpgradeResponse):
            status = answer.status
            raise UnreachableError(f"cannot open a WebSocket on {path}: answered {status}")
        async with Pipe.open(answer.serve, answer.protocol) as pipe:
            yield pipe

    async def close(self) -> None:
        """Nothing to close."""


class _Streamed:
    def __init__(self, status: int, chunks: AsyncIterator[bytes]) -> None:
        self._status = status
        self._chunks = chunks

    @property
    def status(self) -> int:
        return self._status

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _closable(chunks: AsyncIterator[bytes]) -> Any:
    # Iterators of the API are generators; a node may hand over something simpler.
    return chunks if hasattr(chunks, "aclose") else _wrapped(chunks)


async def _wrapped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
