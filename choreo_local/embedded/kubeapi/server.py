"""KubeApi on aiohttp: HTTPS with optional client certificates, and a unix socket."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import StreamReader, WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import BadHttpMethod

from choreo_local.embedded.kubeapi import bodies, problems
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.authn import authenticated
from choreo_local.embedded.kubeapi.messages import (
    MASTER,
    Push,
    Request,
    Response,
    StreamingResponse,
    UpgradeResponse,
    User,
)
from choreo_local.errors import BadRequestError, TooLargeError

# Clients with connection pools lose requests when the server closes idle connections early.
_KEEP_ALIVE_SECONDS = 3630.0
_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_COMPRESS_BYTES = 128 * 1024
_BACKLOG = 2048
# Half of what a transport buffers before it asks its writer to wait.
_SMALL = 32 * 1024
_SHUTDOWN_SECONDS = 0.2


class Server:
    """Listens for one KubeApi; start and stop in the loop that serves.

    Args:
        api: answers the requests.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._runners: list[web.ServerRunner] = []

    async def listen_https(
        self, *, port: int, context: ssl.SSLContext, host: str = "127.0.0.1"
    ) -> int:
        """Serve on TCP; answers the port, which is free choice when `port` is 0."""
        runner = await self._runner(trusted=False)
        await web.TCPSite(runner, host, port, ssl_context=context, backlog=_BACKLOG).start()
        return int(runner.addresses[0][1])

    async def listen_unix(self, path: Path) -> None:
        """Serve on a socket that only this user can open; its callers are cluster admins."""
        runner = await self._runner(trusted=True)
        path.unlink(missing_ok=True)
        previous = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(path), backlog=_BACKLOG).start()
        finally:
            os.umask(previous)

    async def _runner(self, *, trusted: bool) -> web.ServerRunner:
        server = _HttpServer(
            _Handler(self._api, trusted=trusted).handle,
            request_factory=_make_request,
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def stop(self) -> None:
        """Close the listeners and all connections."""
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()


def tls_context(certificate: Path, key: Path, client_authority: Path) -> ssl.SSLContext:
    """TLS for the server: client certificates are asked for, but not demanded."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _HttpServer(web.Server):
    """Makes connections that answer what is no HTTP at all in the words of Kubernetes."""

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, BadHttpMethod):
            return _complete(problems.to_response(problems.method_not_allowed()))
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        return _complete(problems.to_response(BadRequestError("the request is not valid HTTP")))


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=bodies.MAX_BYTES
    )


class _Handler:
    def __init__(self, api: KubeApi, *, trusted: bool) -> None:
        self._api = api
        self._trusted = trusted

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        try:
            request = await self._read(http)
        except web.HTTPRequestEntityTooLarge:
            return _complete(
                problems.to_response(
                    TooLargeError(f"Request entity too large: limit is {bodies.MAX_BYTES}")
                )
            )
        except (web.HTTPException, ValueError, ConnectionError) as error:
            # Nobody reads the answer to a caller who left in the middle of his request.
            return _complete(problems.to_response(BadRequestError(f"cannot read body: {error}")))
        answer = await self._api.handle(request)
        if isinstance(answer, Response):
            if len(answer.body) > _COMPRESS_BYTES and not self._trusted:
                await _compress(request, answer)
            return _complete(answer, head=http.method == "HEAD")
        if isinstance(answer, StreamingResponse):
            return await _stream(http, answer)
        return await _upgrade(http, answer)

    async def _read(self, http: web.BaseRequest) -> Request:
        headers: dict[str, str] = {}
        for name, value in http.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}\n{value}" if name in headers else value
        path, _, query = http.raw_path.partition("?")
        body = await http.read() if http.body_exists else b""
        # On the trusted socket a token is a request to be less than the administrator.
        is_master = self._trusted and "authorization" not in headers
        user = MASTER if is_master else _certificate_user(http)
        return Request(http.method, path, query, headers, body, user)


def _certificate_user(http: web.BaseRequest) -> User | None:
    transport = http.transport
    certificate: Mapping[str, Any] | None = (
        transport.get_extra_info("peercert") if transport is not None else None
    )
    if not certificate:
        return None
    names: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for name, value in part:
            names.setdefault(name, []).append(value)
    users = names.get("commonName")
    if not users:
        return None
    extra = {_CREDENTIAL: (_fingerprint(transport),)}
    return authenticated(User(users[0], tuple(names.get("organizationName", ())), extra=extra))


def _fingerprint(transport: asyncio.BaseTransport | None) -> str:
    """The digest of a client certificate, by which audits know the credential."""
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else b""
    return f"X509SHA256={hashlib.sha256(certificate).hexdigest()}"


async def _compress(request: Request, answer: Response) -> None:
    encodings = [part.strip() for part in request.header("accept-encoding").split(",")]
    if request.method != "GET" or "gzip" not in encodings:
        return
    # zlib lets other threads run, and the loop answers somebody else meanwhile.
    answer.body = await asyncio.to_thread(gzip.compress, answer.body, 1)
    answer.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]


def _complete(answer: Response, *, head: bool = False) -> web.Response:
    response = web.Response(status=answer.status, body=b"" if head else answer.body)
    if answer.body or answer.status not in (204, 304):
        response.headers["Content-Type"] = answer.content_type
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response


async def _stream(http: web.BaseRequest, answer: StreamingResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status)
    response.headers["Content-Type"] = answer.content_type
    for name, value in answer.headers:
        response.headers.add(name, value)
    chunks = answer.chunks
    try:
        await response.prepare(http)
        if answer.offer is not None and http.transport is not None and _is_chunked(response):
            answer.offer(_pusher(http.transport))
        async for chunk in chunks:
            if chunk and not await _taken(http, response, chunk, answer.patience_seconds):
                return response
        await response.write_eof()
    except ConnectionError:
        # The caller has gone, as watchers do; there is nobody left to tell.
        return response
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    return response


def _is_chunked(response: web.StreamResponse) -> bool:
    return response.headers.get("Transfer-Encoding") == "chunked"


def _pusher(transport: asyncio.Transport) -> Push:
    """Writes a piece as a chunk of the body, without waking the task that owns the answer."""

    def push(chunk: bytes) -> bool:
        if transport.is_closing() or transport.get_write_buffer_size():
            return False
        transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return True

    return push


async def _taken(
    http: web.BaseRequest, response: web.StreamResponse, chunk: bytes, patience: float | None
) -> bool:
    """Write a piece; cuts the connection of a caller that does not read, and says so."""
    transport = http.transport
    if transport is not None and len(chunk) < _SMALL and not transport.get_write_buffer_size():
        # The common case of a single event: the buffer takes it, so there is nothing to wait for.
        await response.write(chunk)
        return True
    try:
        async with asyncio.timeout(patience):
            await response.write(chunk)
    except TimeoutError:
        # Closing in order would wait for what the caller does not take.
        if transport is not None:
            transport.abort()
        return False
    return True


class _WebSocketDuplex:
    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes | None:
        message = await self._socket.receive()
        if message.type is WSMsgType.BINARY:
            data: bytes = message.data
            return data
        if message.type is WSMsgType.TEXT:
            return str(message.data).encode()
        return None

    async def send(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def close(self) -> None:
        await self._socket.close(code=WSCloseCode.OK)


class _RawDuplex:
    """The bytes of a connection after a raw upgrade; also the parser that aiohttp feeds."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._arrived.put_nowait(bytes(data))
        return False, b""

    def feed_eof(self) -> None:
        self._arrived.put_nowait(None)

    async def receive(self) -> bytes | None:
        return await self._arrived.get()

    async def send(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the caller has gone")
        self._transport.write(data)

    async def close(self) -> None:
        self._transport.close()


async def _upgrade(http: web.BaseRequest, answer: UpgradeResponse) -> web.StreamResponse:
    if answer.websocket:
        protocols = (answer.protocol,) if answer.protocol else ()
        socket = web.WebSocketResponse(protocols=protocols, max_msg_size=0, heartbeat=30)
        await socket.prepare(http)
        await answer.serve(_WebSocketDuplex(socket))
        await socket.close()
        return socket
    transport = http.transport
    if not isinstance(transport, asyncio.Transport):
        return web.Response(status=400)
    duplex = _RawDuplex(transport)
    http.protocol.set_parser(duplex)  # type: ignore[arg-type]  # only the two feed methods are called
    head = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
    if answer.protocol:
        head.append(f"X-Stream-Protocol-Version: {answer.protocol}")
    transport.write(("\r\n".join(head) + "\r\n\r\n").encode())
    await answer.serve(duplex)
    transport.close()
    return web.Response()
