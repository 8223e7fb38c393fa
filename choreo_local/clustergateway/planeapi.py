"""The plane API: other programs reach planes and are told of agents; over mutual TLS.

Callers are upstream's control-plane processes, or whoever holds a certificate of the instance's own
authority for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from aiohttp import WSMsgType, web

from choreo_local import clock
from choreo_local.clustergateway import proxyrules
from choreo_local.clustergateway.channel import Channel, opened
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.clustergateway.proxyrules import NotAllowedError
from choreo_local.errors import ForbiddenError, UnreachableError
from choreo_local.tunnel import messages
from choreo_local.tunnel.messages import StreamInit, TunnelRequest, TunnelResponse

_REQUEST_SECONDS = 30.0
# Below are those after which another answer follows.
_SMALLEST_STATUS = 200
# How upstream writes a time that never was.
_NEVER = "0001-01-01T00:00:00Z"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_FLOWS = ("environment", "namespace")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PlaneApi:
    """Serves the plane API.

    Args:
        gateway: knows the agents.
        certificate: file of the server's certificate chain.
        key: file of its key.
        authority: file with the authority of callers' certificates.
    """

    def __init__(
        self, gateway: ClusterGateway, *, certificate: Path, key: Path, authority: Path
    ) -> None:
        self._gateway = gateway
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(certificate, key)
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve from now on."""
        app = web.Application(
            client_max_size=messages.MAX_BODY_BYTES + 1, middlewares=[_plain_failures]
        )
        app.router.add_route("*", "/api/proxy/{rest:.*}", self._proxy)
        app.router.add_get("/api/exec/{plane}/{plane_id}/{namespace}/{name}", self._exec)
        app.router.add_get("/api/wirelogs/{plane}/{plane_id}/{namespace}/{name}", self._flows)
        app.router.add_post("/api/v1/planes/notify", self._notify)
        app.router.add_get("/api/v1/planes/status", self._statuses)
        app.router.add_post("/api/v1/planes/{plane}/{plane_id}/reconnect", self._reconnect)
        app.router.add_get("/api/v1/planes/{plane}/{plane_id}/status", self._status)
        app.router.add_get("/health", _ok)
        app.router.add_get("/ready", _ok)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.SockSite(self._runner, listening, ssl_context=self._context).start()

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    # Planes.

    async def _proxy(self, http: web.Request) -> web.Response:
        wanted = proxyrules.destination(http.match_info["rest"])
        proxyrules.check(http.method, wanted, http.content_length)
        if proxyrules.is_stream(wanted.path, http.query, http.headers):
            return web.Response(status=501, text="streaming is not supported through the proxy\n")
        request = TunnelRequest(
            clock.new_uid(),
            wanted.target,
            http.method,
            wanted.path,
            query=http.rel_url.raw_query_string,
            headers={str(name): http.headers.getall(name) for name in set(http.headers)},
            body=await http.read(),
            gateway_request_id=_request_id(http),
        )
        try:
            answer = await self._gateway.request(
                wanted.plane,
                wanted.plane_id,
                wanted.resource,
                request=request,
                timeout_seconds=_REQUEST_SECONDS,
            )
        except ForbiddenError:
            text = f"Forbidden: Agent not authorized for CR {wanted.resource}\n"
            return web.Response(status=403, text=text)
        except UnreachableError as error:
            return web.Response(status=502, text=f"proxy request failed: {error.message}\n")
        return answered(answer)

    async def _exec(self, http: web.Request) -> web.StreamResponse:
        namespace, pod = http.query.get("podNamespace", ""), http.query.get("podName", "")
        if not namespace or not pod:
            raise NotAllowedError(400, "podNamespace and podName are required")
        init = StreamInit(
            clock.new_uid(),
            messages.KUBERNETES,
            "POST",
            proxyrules.exec_path(namespace, pod),
            query=proxyrules.exec_query(list(http.query.items())),
            upgrade=messages.EXEC,
        )
        with _unavailable():
            async with self._stream(http, init) as channel:
                socket_ = web.WebSocketResponse(max_msg_size=messages.MAX_BODY_BYTES)
                await socket_.prepare(http)
                await _pump(channel, socket_)
                return socket_

    async def _flows(self, http: web.Request) -> web.StreamResponse:
        for name in _FLOWS:
            if not http.query.get(name):
                raise NotAllowedError(400, f"{name} is required")
        init = StreamInit(
            clock.new_uid(),
            messages.HUBBLE,
            "GET",
            "/wirelogs",
            query=http.rel_url.raw_query_string,
            upgrade=messages.FLOWS,
        )
        with _unavailable():
            async with self._stream(http, init) as channel:
                try:
                    async with asyncio.timeout(_REQUEST_SECONDS):
                        first = await channel.read()
                except TimeoutError:
                    raise NotAllowedError(504, "the agent did not begin the stream") from None
                if first is None:
                    words = channel.last_words.decode(errors="replace")[:500]
                    raise NotAllowedError(502, f"agent rejected stream: {words}")
                return await _events(http, channel, first)

    def _stream(
        self, http: web.Request, init: StreamInit
    ) -> contextlib.AbstractAsyncContextManager[Channel]:
        match = http.match_info
        resource = proxyrules.resource(match["namespace"], match["name"])
        where = (match["plane"], match["plane_id"], resource)
        return opened(self._gateway, where, init, gateway_loop=asyncio.get_running_loop())

    # Agents.

    async def _notify(self, http: web.Request) -> web.Response:
        try:
            content = await http.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            content = None
        found = proxyrules.notice(content)
        answer: dict[str, object] = {"success": True}
        if found.event == "deleted":
            gone = self._gateway.release(found.plane, found.plane_id, found.resource)
            return web.json_response({**answer, "action": "disconnect", "disconnectedAgents": gone})
        try:
            change = await self._gateway.revalidate(found.plane, found.plane_id, found.resource)
        except UnreachableError as error:
            return web.json_response({"success": False, "error": error.message}, status=503)
        granted = {"authorizationsGranted": change.granted}
        revoked = {"authorizationsRevoked": change.revoked}
        return web.json_response({**answer, "action": "revalidate", **granted, **revoked})

    async def _reconnect(self, http: web.Request) -> web.Response:
        plane, plane_id = http.match_info["plane"], http.match_info["plane_id"]
        count = self._gateway.disconnect(plane, plane_id, "told to connect again")
        return web.json_response({"success": True, "disconnectedAgents": count})

    async def _status(self, http: web.Request) -> web.Response:
        plane, plane_id = http.match_info["plane"], http.match_info["plane_id"]
        resource = None
        if http.query.get("name"):
            resource = f"{http.query.get('namespace', '')}/{http.query['name']}"
        return web.json_response(self._state(plane, plane_id, resource))

    async def _statuses(self, http: web.Request) -> web.Response:
        del http
        known = {
            (each.agent.plane, each.agent.plane_id): None for each in self._gateway.connections
        }
        found = [self._state(plane, plane_id, None) for plane, plane_id in sorted(known)]
        return web.json_response({"planes": found, "total": len(found)})

    def _state(self, plane: str, plane_id: str, resource: str | None) -> dict[str, object]:
        connections = self._gateway.connections
        found = list(connections.of_plane(plane, plane_id))
        if resource is not None:
            found = connections.of_resource(plane, plane_id, resource)
        seen = [each.last_seen for each in found]
        return {
            "planeType": plane,
            "planeID": plane_id,
            "connected": bool(found),
            "connectedAgents": len(found),
            "lastSeen": clock.timestamp(max(seen)) if seen else _NEVER,
        }


def answered(answer: TunnelResponse) -> web.Response:
    """What an agent answered, for who asked."""
    if answer.status_code < _SMALLEST_STATUS:
        text = f"proxy request failed: the agent answered {answer.status_code}\n"
        return web.Response(status=502, text=text)
    response = web.Response(status=answer.status_code, body=answer.body)
    for name, values in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers.popall(name, None)
            for value in values:
                response.headers.add(name, value)
    if answer.error and not answer.body:
        response.headers["X-Choreo-Reason"] = " ".join(answer.error.split())[:500]
    return response


@web.middleware
async def _plain_failures(request: web.Request, handler: Answer) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotAllowedError as error:
        if request.path.startswith("/api/v1/"):
            body = {"success": False, "error": error.text}
            return web.json_response(body, status=error.status)
        return web.Response(status=error.status, text=f"{error.text}\n")


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Who asks for a stream that no agent can serve is told so before it begins."""
    try:
        yield
    except (ForbiddenError, UnreachableError) as error:
        raise NotAllowedError(503, f"no agent available: {error.message}") from error


async def _pump(channel: Channel, socket_: web.WebSocketResponse) -> None:
    """Bytes both ways until either end has had enough."""

    async def out() -> None:
        with contextlib.suppress(UnreachableError, ConnectionError):
            piece = await channel.first()
            while piece is not None:
                await socket_.send_bytes(piece)
                piece = await channel.read()

    async def into() -> None:
        async for message in socket_:
            if message.type is WSMsgType.BINARY:
                await channel.send(message.data)

    directions = [asyncio.ensure_future(out()), asyncio.ensure_future(into())]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        await socket_.close()
    finally:
        for task in directions:
            task.cancel()
        await asyncio.gather(*directions, return_exceptions=True)


async def _events(http: web.Request, channel: Channel, first: bytes) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache, no-transform",
            "Connection": "keep-alive",
            "X-Accel-Buffering": "no",
        }
    )
    await response.prepare(http)
    piece: bytes | None = first
    with contextlib.suppress(UnreachableError, ConnectionError):
        while piece is not None:
            if piece:
                await response.write(b"data: " + piece + b"\n\n")
            piece = await channel.read()
    return response


def _request_id(http: web.Request) -> str:
    return (
        http.headers.get("X-Request-ID", "")[:128] or f"gw-{clock.new_uid().replace('-', '')[:16]}"
    )


async def _ok(http: web.Request) -> web.Response:
    del http
    return web.Response(text="OK")
