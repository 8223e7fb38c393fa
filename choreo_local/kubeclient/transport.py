"""Where requests go: a server over TLS, a unix socket, or (in other packages) elsewhere.

The seam is one protocol. `KubeClient` does not know whether its requests travel over TLS, a unix
socket, a tunnel, or a function call inside the process.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import aiohttp
import yarl

from choreo_local.errors import UnreachableError

# Everything that a path may hold as it stands; what is quoted already stays so.
_PATH = "/%?:@!$&'()*+,;=~"

Query = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer; header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class StreamedResponse(Protocol):
    """An answer whose body arrives in pieces."""

    @property
    def status(self) -> int: ...

    def chunks(self) -> AsyncIterator[bytes]: ...


class WebSocket(Protocol):
    """A message stream in both directions, e.g. of exec."""

    @property
    def protocol(self) -> str | None: ...

    async def send(self, data: bytes) -> None: ...

    def messages(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    """Carries requests to one Kubernetes API, as one user."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 60,
    ) -> Response: ...

    def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[StreamedResponse]: ...

    def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AbstractAsyncContextManager[WebSocket]: ...

    async def close(self) -> None: ...


def bearer(token: Callable[[], str], server: str) -> aiohttp.ClientMiddlewareType:
    """What a session needs to show `server`, and nobody else, the token that is good now."""
    origin = yarl.URL(server).origin()

    async def shown(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # Redirects come through here too, and may lead anywhere.
        if request.url.origin() == origin:
            request.headers["Authorization"] = f"Bearer {token()}"
        return await send(request)

    return shown


class _AiohttpStream:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.content.iter_any():
            yield chunk


class _AiohttpWebSocket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    @property
    def protocol(self) -> str | None:
        return self._socket.protocol

    async def send(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def messages(self) -> AsyncIterator[bytes]:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                yield message.data
            elif message.type is aiohttp.WSMsgType.TEXT:
                yield message.data.encode()


class AiohttpTransport:
    """Requests to `server` over TCP (with TLS when it is https) or over a unix socket.

    Args:
        server: base URL; with `unix_socket` only its path and host name matter.
        ssl_context: trust and client certificate, when `server` is https.
        token: bearer token, or what says it anew for each request where tokens expire.
        unix_socket: path of the socket to connect to instead of the host of `server`.
        connections: how many requests may be under way; watches count.
    """

    def __init__(
        self,
        server: str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        token: str | Callable[[], str] | None = None,
        unix_socket: Path | None = None,
        connections: int = 256,
    ) -> None:
        self._server = server.rstrip("/")
        self._ssl = ssl_context
        self._middlewares = (bearer(token, server),) if callable(token) else ()
        self._headers = {"Authorization": f"Bearer {token}"} if isinstance(token, str) else {}
        self._unix_socket = unix_socket
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector: aiohttp.BaseConnector
            if self._unix_socket is not None:
                connector = aiohttp.UnixConnector(str(self._unix_socket), limit=self._connections)
            else:
                connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._ssl or True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                middlewares=self._middlewares,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                auto_decompress=True,
                read_bufsize=1 << 20,
            )
        return self._session

    def _url(self, path: str) -> yarl.URL:
        if not path.startswith("/"):
            # It would be read as a part of the host's name.
            raise ValueError(f"the path {path[:80]!r} does not begin with a slash")
        # yarl would resolve `..`: the name of an object must not change what is asked for.
        return yarl.URL(self._server + quote(path, safe=_PATH), encoded=True)

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
        try:
            async with self._opened().request(
                method,
                self._url(path),
                params=query or None,
                headers=headers,
                data=body,
                # What pods answer comes through here too: the caller decides where it goes next.
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            ) as response:
                content = await response.read()
                found = {key.lower(): value for key, value in response.headers.items()}
                return Response(response.status, content, found)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

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
        try:
            async with self._opened().request(
                method,
                self._url(path),
                params=query or None,
                headers=headers,
                allow_redirects=False,
            ) as response:
                yield _AiohttpStream(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    @asynccontextmanager
    async def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AsyncIterator[WebSocket]:
        """A WebSocket with one of `protocols`."""
        try:
            async with self._opened().ws_connect(
                self._url(path), params=query or None, protocols=protocols, max_msg_size=0
            ) as socket:
                yield _AiohttpWebSocket(socket)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> UnreachableError:
        where = str(self._unix_socket or self._server)
        detail = str(error) or type(error).__name__
        return UnreachableError(f"cannot reach the Kubernetes API at {where}: {detail}")

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
