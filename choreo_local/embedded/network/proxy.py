"""A reverse proxy in this process, for platforms without an Envoy wheel.

Serves the same route table over HTTP/1.1: streaming in both directions, WebSockets. Not here:
TLS listeners, HTTP/2 and so gRPC; such ports say so in `failure`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import aiohttp
from aiohttp import web
from yarl import URL

from choreo_local import clock
from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network import tablelookup
from choreo_local.embedded.network.balancing import Balancer
from choreo_local.embedded.network.datapath import Addresses, Endpoints, Refusals
from choreo_local.embedded.network.table import (
    Backend,
    Endpoint,
    HeaderChange,
    Mirror,
    PortTable,
    Route,
    RouteTable,
)
from choreo_local.embedded.network.tablelookup import Asked
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CONNECT_SECONDS = 2.0
_REFUSED = "A policy or filter of this route cannot be carried out; its status says why.\n"
_NO_TLS = "TLS needs Envoy, which is not available on this platform"


class InProcessProxy:
    """Implements `DataPath`."""

    # Tokens, passwords, rates: what policies ask for is Envoy's.
    enforces = False

    def __init__(self, addresses: Addresses, pods: Dialing = DIRECTLY) -> None:
        self._addresses = addresses
        self._pods = pods
        self._tables: dict[int, PortTable] = {}
        self._runners: dict[int, web.ServerRunner] = {}
        self._balancers: dict[Backend, Balancer] = {}
        self._failures: dict[int, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._copies = TaskGroup("mirrored requests")

    async def start(self) -> None:
        """Open the client side."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=4, socket_factory=dialing.socket_factory(self._pods)
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        )

    async def apply(self, table: RouteTable, endpoints: Endpoints) -> None:
        """Serve `table`."""
        await self.update(endpoints)
        self._failures = {port.port: _NO_TLS for port in table.ports if port.is_tls}
        self._tables = {port.port: port for port in table.ports if not port.is_tls}
        for number in self._tables.keys() - self._runners.keys():
            await self._listen(number)
        for number in self._runners.keys() - self._tables.keys():
            await self._runners.pop(number).cleanup()

    async def update(self, endpoints: Endpoints) -> None:
        """Use these endpoints for some backends from now on."""
        for backend, found in endpoints.items():
            self._balancers.setdefault(backend, Balancer()).use(found)

    def failure(self, port: int) -> str:
        """Why a port is not served."""
        return self._failures.get(port, "")

    def refusals(self) -> Refusals:
        """Nothing of a table is refused here."""
        return Refusals()

    async def stop(self) -> None:
        """Close everything."""
        await self._copies.stop()
        for runner in self._runners.values():
            await runner.cleanup()
        self._runners.clear()
        if self._session is not None:
            await self._session.close()

    async def _listen(self, number: int) -> None:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            return await self._serve(number, request)

        runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=2)
        await runner.setup()
        host_port = self._addresses.port(number)
        try:
            for host in self._addresses.hosts:
                await web.TCPSite(runner, host, host_port).start()
        except OSError as error:
            self._failures[number] = f"cannot listen on port {host_port}: {error}"
            await runner.cleanup()
        else:
            self._runners[number] = runner

    async def _serve(self, number: int, request: web.BaseRequest) -> web.StreamResponse:
        asked = _asked(request)
        table = self._tables.get(number)
        route = tablelookup.find_route(table, asked) if table else None
        if route is None:
            return web.Response(status=404)
        if route.refusal:
            return web.Response(status=500, text=_REFUSED)
        if route.cors and (answer := _preflight(route, request)):
            return answer
        if route.redirect:
            port = self._addresses.port(number)
            where = tablelookup.location(route, route.redirect, asked, port=port)
            return web.Response(status=route.redirect.status, headers={"Location": where})
        for mirror in route.mirrors:
            self._mirror(mirror, request)
        try:
            async with asyncio.timeout(route.request_timeout):
                return await self._forward(route, asked, request)
        except TimeoutError:
            return web.Response(status=504, text="upstream request timeout")

    async def _forward(
        self, route: Route, asked: Asked, request: web.BaseRequest
    ) -> web.StreamResponse:
        chosen = tablelookup.choose(route.backends)
        if chosen is None or chosen.backend is None:
            return web.Response(status=500)
        balancer = self._balancers.get(chosen.backend)
        order = balancer.order() if balancer else []
        changes = (route.request_headers, chosen.request_headers)
        headers = _request_headers(request, route, changes)
        back = (route.response_headers, chosen.response_headers)
        for endpoint in order:
            url = _url(endpoint, tablelookup.rewritten_path(route, asked.path), asked.query)
            try:
                if _is_websocket(request):
                    return await self._websocket(request, url, headers)
                return await self._exchange(request, route, url, headers=headers, changes=back)
            except aiohttp.ClientConnectorError:
                # Nothing was sent yet: the next endpoint may answer.
                continue
            except aiohttp.ClientError as error:
                logger.debug("Upstream failed url=%s error=%s", url, error)
                return web.Response(status=502)
        return web.Response(status=503, text="no healthy upstream")

    async def _exchange(
        self,
        request: web.BaseRequest,
        route: Route,
        url: URL,
        *,
        headers: list[tuple[str, str]],
        changes: Iterable[HeaderChange],
    ) -> web.StreamResponse:
        assert self._session is not None
        body = request.content if request.body_exists else None
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as upstream:  # fmt: skip
            answer = web.StreamResponse(status=upstream.status, reason=upstream.reason)
            found = [pair for pair in upstream.headers.items() if not _is_hop_by_hop(pair[0])]
            for name, value in tablelookup.changed_headers(found, *changes):
                answer.headers.add(name, value)
            _add_cors(route, request, answer)
            await answer.prepare(request)
            async for chunk in upstream.content.iter_any():
                await answer.write(chunk)
            await answer.write_eof()
            return answer

    async def _websocket(
        self, request: web.BaseRequest, url: URL, headers: list[tuple[str, str]]
    ) -> web.StreamResponse:
        assert self._session is not None
        asked = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [each.strip() for each in asked.split(",") if each.strip()]
        own = [pair for pair in headers if not pair[0].lower().startswith("sec-websocket-")]
        async with self._session.ws_connect(
            url, headers=own, protocols=protocols, autoping=False, max_msg_size=0
        ) as upstream:
            chosen = (upstream.protocol,) if upstream.protocol else ()
            answer = web.WebSocketResponse(protocols=chosen, autoping=False, max_msg_size=0)
            await answer.prepare(request)
            await _copy_both(answer, upstream)
            return answer

    def _mirror(self, mirror: Mirror, request: web.BaseRequest) -> None:
        """Send a copy of a request without a body; its answer is of no interest."""
        if request.body_exists or clock.jitter(mirror.denominator) >= mirror.numerator:
            return
        balancer = self._balancers.get(mirror.backend)
        order = balancer.order() if balancer else []
        if order:
            url = _url(order[0], request.path, request.query_string)
            headers = [pair for pair in request.headers.items() if not _is_hop_by_hop(pair[0])]
            self._copies.start(self._copy(request.method, url, headers), name="copy")

    async def _copy(self, method: str, url: URL, headers: list[tuple[str, str]]) -> None:
        assert self._session is not None
        try:
            async with self._session.request(method, url, headers=headers) as answer:
                await answer.read()
        except aiohttp.ClientError as error:
            logger.debug("Mirrored request failed url=%s error=%s", url, error)


def _asked(request: web.BaseRequest) -> Asked:
    path, _, query = request.raw_path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(headers.get("host", ""), request.method, path, query, headers)


def _url(endpoint: Endpoint, path: str, query: str) -> URL:
    suffix = f"?{query}" if query else ""
    return URL(f"http://{endpoint.address}:{endpoint.port}{path}{suffix}", encoded=True)


def _is_hop_by_hop(name: str) -> bool:
    return name.lower() in _HOP_BY_HOP


def _is_websocket(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _request_headers(
    request: web.BaseRequest, route: Route, changes: Iterable[HeaderChange]
) -> list[tuple[str, str]]:
    dropped = {"x-forwarded-proto"}
    headers = [
        (name, value)
        for name, value in request.headers.items()
        if not _is_hop_by_hop(name) and name.lower() not in dropped
    ]
    forwarded = request.headers.get("X-Forwarded-For")
    peer = request.remote or ""
    headers = [pair for pair in headers if pair[0].lower() != "x-forwarded-for"]
    headers.append(("X-Forwarded-For", f"{forwarded}, {peer}" if forwarded else peer))
    headers.append(("X-Forwarded-Proto", "http"))
    if "X-Request-Id" not in request.headers:
        headers.append(("X-Request-Id", clock.new_uid()))
    hostname = route.rewrite.hostname if route.rewrite else None
    if hostname is not None:
        headers = [("Host", hostname), *(pair for pair in headers if pair[0].lower() != "host")]
    return tablelookup.changed_headers(headers, *changes)


def _preflight(route: Route, request: web.BaseRequest) -> web.Response | None:
    origin = request.headers.get("Origin")
    is_preflight = (
        request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    )
    if route.cors is None or origin is None or not is_preflight:
        return None
    if not tablelookup.allows_origin(route.cors, origin):
        return web.Response(status=200)
    headers = tablelookup.cors_headers(route.cors, origin, preflight=True)
    return web.Response(status=200, headers=headers)


def _add_cors(route: Route, request: web.BaseRequest, answer: web.StreamResponse) -> None:
    origin = request.headers.get("Origin")
    if route.cors and origin and tablelookup.allows_origin(route.cors, origin):
        answer.headers.update(tablelookup.cors_headers(route.cors, origin, preflight=False))


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _copy_both(client: _Socket, upstream: _Socket) -> None:
    """Copy messages in both directions until one side closes; then close the other."""
    tasks = [
        asyncio.ensure_future(_copy_messages(client, upstream)),
        asyncio.ensure_future(_copy_messages(upstream, client)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one, other in ((client, upstream), (upstream, client)):
            if not one.closed:
                await one.close(code=other.close_code or aiohttp.WSCloseCode.OK)


async def _copy_messages(source: _Socket, target: _Socket) -> None:
    async for message in source:
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await target.send_str(message.data)
            case aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)
            case aiohttp.WSMsgType.PING:
                await target.ping(message.data)
            case aiohttp.WSMsgType.PONG:
                await target.pong(message.data)
