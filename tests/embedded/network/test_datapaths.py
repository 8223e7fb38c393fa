"""What clients of a gateway see; the same for each way to serve the route table."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from choreo_local.embedded.network import backends, routes
from choreo_local.embedded.network.datapath import Addresses, DataPath
from choreo_local.embedded.network.envoy import Envoy, find_envoy
from choreo_local.embedded.network.proxy import InProcessProxy
from choreo_local.embedded.network.table import Endpoint, RouteTable
from tests.embedded.network.gatewayobjects import (
    backend,
    gateway,
    listener,
    prefix,
    route,
    rule,
    service,
    world,
)
from tests.embedded.network.livenetwork import until

HOST = "development-default.example.localhost"


def free_port() -> int:
    """A port that nobody has, below those that the kernel gives to clients meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Upstream:
    """A server that tells what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        # What is answered to some paths, and how many requests to others fail first.
        self.text: dict[str, str] = {}
        self.asked: list[str] = []
        self.failures = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/socket", self._socket)
        app.router.add_get("/slow", self._slow)
        app.router.add_get("/stream", self._stream)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _echo(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        if request.path in self.text:
            return web.Response(text=self.text[request.path])
        body = await request.text()
        return web.json_response(
            {
                "upstream": self.name,
                "method": request.method,
                "path": request.raw_path,
                "host": request.headers["Host"],
                "headers": {key.lower(): value for key, value in request.headers.items()},
                "body": body,
            },
            headers={"X-Upstream": self.name},
        )

    async def _slow(self, request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(text="late")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await asyncio.sleep(0.5)
        await response.write(b"second\n")
        return response

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            await answer.send_str(f"{self.name}: {message.data}")
        return answer


class Client:
    """Sends requests to a gateway's port under some host name."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.session = session
        self.port = port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def get(self, path: str, host: str = HOST, **more: Any) -> tuple[int, Any, Any]:
        method = more.pop("method", "GET")
        headers = {"Host": f"{host}:{self.port}", **more.pop("headers", {})}
        async with self.session.request(
            method, self.url(path), headers=headers, allow_redirects=False, **more
        ) as response:
            is_json = response.content_type == "application/json"
            body = await response.json() if is_json else await response.text()
            return response.status, body, response.headers


Make = Callable[[Addresses], DataPath]


@pytest.fixture(params=["envoy", "in process"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def envoy(addresses: Addresses) -> DataPath:
        program = find_envoy()
        if program is None:
            pytest.skip("no Envoy for this platform")
        return Envoy(
            program,
            directory=tmp_path / "envoy",
            log=tmp_path / "envoy.log",
            instance=f"test-{addresses.port(19080)}",
            addresses=addresses,
        )

    return envoy if request.param == "envoy" else InProcessProxy


@pytest.fixture
async def upstreams() -> AsyncIterator[list[Upstream]]:
    made = [Upstream("one"), Upstream("two")]
    for each in made:
        await each.start()
    yield made
    for each in made:
        await each.stop()


@pytest.fixture
async def path_and_client(make: Make) -> AsyncIterator[tuple[DataPath, Client]]:
    port = free_port()
    path = make(Addresses(ports={19080: port}))
    await path.start()
    async with aiohttp.ClientSession() as session:
        yield path, Client(session, port)
    await path.stop()


def table(*rules: dict[str, Any], **more: Any) -> RouteTable:
    obj = route(*rules, hostnames=(HOST,))
    fields = {"services": [service(), service("other")], **more}
    return routes.build(world(obj, **fields)).table


async def serve(path: DataPath, made: RouteTable, **ports: int) -> None:
    endpoints = {
        each: (Endpoint("127.0.0.1", ports[each.key.service]),) if each.key.service in ports else ()
        for each in made.backends()
    }
    await path.apply(made, endpoints)


def replaced(prefix_match: str) -> dict[str, Any]:
    change = {"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix_match}
    return {"type": "URLRewrite", "urlRewrite": {"path": change}}


async def test_request_reaches_the_backend_with_its_path_rewritten(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    made = table(
        rule(prefix("/greeter-http"), filters=[replaced("/")]),
        rule(prefix("/base"), filters=[replaced("/api/v1")]),
    )
    await serve(path, made, greeter=upstreams[0].port)

    async def asked(request_path: str) -> Any:
        status, body, _ = await client.get(request_path)
        assert status == 200
        return body["path"]

    assert await asked("/greeter-http") == "/"
    assert await asked("/greeter-http/") == "/"
    assert await asked("/greeter-http/a/b?c=d") == "/a/b?c=d"
    assert await asked("/base/x?y") == "/api/v1/x?y"
    assert await asked("/base") == "/api/v1"
    status, _, _ = await client.get("/greeter-httpx")
    assert status == 404


async def test_host_name_chooses_the_routes_and_is_handed_on_with_its_port(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    await serve(path, table(), greeter=upstreams[0].port)

    status, body, _ = await client.get("/")
    assert (status, body["host"]) == (200, f"{HOST}:{client.port}")
    assert (await client.get("/", host="elsewhere.localhost"))[0] == 404


async def test_body_and_headers_travel_both_ways(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": "x-set", "value": "100%"}],
                "remove": ["x-remove"],
            },
        },
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"add": [{"name": "x-added", "value": "yes"}]},
        },
    ]
    await serve(path, table(rule(filters=filters)), greeter=upstreams[0].port)

    status, body, headers = await client.get(
        "/", method="POST", data="hello", headers={"x-set": "old", "x-remove": "1"}
    )

    assert (status, body["body"], body["method"]) == (200, "hello", "POST")
    assert body["headers"]["x-set"] == "100%"
    assert "x-remove" not in body["headers"]
    assert body["headers"]["x-forwarded-for"]
    assert headers["x-added"] == "yes"
    assert headers["X-Upstream"] == "one"


async def test_weights_share_requests_among_backends(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    shares = [backend(weight=1), backend("other", weight=1), backend("gone", weight=0)]
    made = table(rule(backendRefs=shares))
    await serve(path, made, greeter=upstreams[0].port, other=upstreams[1].port)

    found = {(await client.get("/"))[1]["upstream"] for _ in range(40)}

    assert found == {"one", "two"}


async def test_backends_that_cannot_answer_say_so(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    made = table(
        rule(prefix("/empty")),
        rule(prefix("/missing"), backendRefs=[backend("nope")]),
        rule(prefix("/none"), backendRefs=[]),
    )
    await serve(path, made)

    assert (await client.get("/empty"))[0] == 503
    assert (await client.get("/missing"))[0] == 500
    assert (await client.get("/none"))[0] == 500


async def test_redirect_sends_the_client_elsewhere(
    path_and_client: tuple[DataPath, Client],
) -> None:
    path, client = path_and_client
    change = {
        "type": "RequestRedirect",
        "requestRedirect": {
            "scheme": "https",
            "hostname": "example.com",
            "port": 8443,
            "statusCode": 301,
            "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"},
        },
    }
    await serve(path, table(rule(prefix("/old"), filters=[change], backendRefs=[])))

    status, _, headers = await client.get("/old/page?x=1")

    assert (status, headers["Location"]) == (301, "https://example.com:8443/new/page?x=1")


async def test_cors_is_answered_at_the_gateway(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    cors = {
        "allowOrigins": ["https://*.example.com"],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["X-One"],
        "exposeHeaders": ["X-Two"],
        "allowCredentials": True,
        "maxAge": 60,
    }
    await serve(
        path, table(rule(filters=[{"type": "CORS", "cors": cors}])), greeter=upstreams[0].port
    )
    origin = "https://web.example.com"
    asking = {"Origin": origin, "Access-Control-Request-Method": "PUT"}

    status, _, headers = await client.get("/", method="OPTIONS", headers=asking)
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert headers["Access-Control-Allow-Headers"] == "X-One"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Max-Age"] == "60"

    _, body, headers = await client.get("/", headers={"Origin": origin})
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Expose-Headers"] == "X-Two"
    assert body["upstream"] == "one"
    _, _, headers = await client.get("/", headers={"Origin": "https://evil.test"})
    assert "Access-Control-Allow-Origin" not in headers


async def test_requests_are_matched_by_method_header_and_query(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    special = {
        "path": {"type": "RegularExpression", "value": "/v[0-9]+/.*"},
        "method": "POST",
        "headers": [{"name": "X-Kind", "value": "a.c", "type": "RegularExpression"}],
        "queryParams": [{"name": "q", "value": "1"}],
    }
    made = table(rule(special, backendRefs=[backend("other")]), rule(prefix("/")))
    await serve(path, made, greeter=upstreams[0].port, other=upstreams[1].port)

    async def upstream(request_path: str, **more: Any) -> Any:
        return (await client.get(request_path, **more))[1]["upstream"]

    fitting: dict[str, Any] = {"method": "POST", "headers": {"X-Kind": "abc"}}

    async def is_warm() -> bool:
        return bool((await client.get("/v1/x?q=1", **fitting))[0] == 200)

    # A port answers a moment before all the backends behind it are known.
    await until(is_warm)
    assert await upstream("/v1/x?q=1", **fitting) == "two"
    assert await upstream("/v1/x?q=2", **fitting) == "one"
    assert await upstream("/vx/x?q=1", **fitting) == "one"
    assert await upstream("/v1/x?q=1", method="GET", headers={"X-Kind": "abc"}) == "one"
    assert await upstream("/v1/x?q=1", method="POST", headers={"X-Kind": "abcd"}) == "one"


async def test_websocket_passes(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    await serve(path, table(), greeter=upstreams[0].port)

    headers = {"Host": HOST}
    async with client.session.ws_connect(client.url("/socket"), headers=headers) as socket_:
        await socket_.send_str("hello")
        assert await socket_.receive_str() == "one: hello"


async def test_answer_arrives_as_it_is_written(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    await serve(path, table(), greeter=upstreams[0].port)
    loop = asyncio.get_running_loop()

    headers = {"Host": HOST}
    async with client.session.get(client.url("/stream"), headers=headers) as response:
        assert await response.content.readline() == b"first\n"
        first = loop.time()
        assert await response.content.readline() == b"second\n"
        assert loop.time() - first > 0.3


async def test_backend_that_is_too_slow_is_given_up(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    made = table(rule(timeouts={"request": "200ms"}))
    await serve(path, made, greeter=upstreams[0].port)

    assert (await client.get("/slow"))[0] == 504


async def test_no_request_is_lost_while_endpoints_change(
    path_and_client: tuple[DataPath, Client], upstreams: list[Upstream]
) -> None:
    path, client = path_and_client
    made = table()
    await serve(path, made, greeter=upstreams[0].port)
    (used,) = made.backends()
    statuses: list[int] = []
    running = True

    async def ask() -> None:
        while running:
            statuses.append((await client.get("/"))[0])

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    port = backends.service_port(service(), 8080)
    assert port is not None
    for _ in range(5):
        for each in upstreams:
            await path.update({used: (Endpoint("127.0.0.1", each.port),)})
            await asyncio.sleep(0.03)
    await path.update({used: (Endpoint("127.0.0.1", upstreams[1].port),)})
    await until(lambda: is_answered_by(client, "two"))
    await upstreams[0].stop()
    await asyncio.sleep(0.1)
    running = False
    await asyncio.gather(*asking)

    assert len(statuses) > 20
    assert set(statuses) == {200}


async def test_listeners_come_and_go_with_the_table(make: Make, upstreams: list[Upstream]) -> None:
    first, second = free_port(), free_port()
    path = make(Addresses(ports={19080: first, 19081: second}))
    await path.start()
    both = gateway(listener(), listener("more", 19081))
    async with aiohttp.ClientSession() as session:
        try:
            await serve(path, table(gateways=[both]), greeter=upstreams[0].port)
            for port in (first, second):
                assert (await Client(session, port).get("/"))[0] == 200
            await serve(path, table(), greeter=upstreams[0].port)
            assert (await Client(session, first).get("/"))[0] == 200
            await until(lambda: refuses(second))
        finally:
            await path.stop()
    assert await refuses(first)


async def is_answered_by(client: Client, name: str) -> bool:
    return bool((await client.get("/"))[1]["upstream"] == name)


async def refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False
