"""HTTP/2, gRPC with its trailers, WebSockets over TLS, and Gateways apart from each other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.network import routes
from tests.embedded.network.gatewayobjects import (
    backend,
    gateway,
    listener,
    route,
    rule,
    service,
    world,
)
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.test_datapaths import HOST
from tests.embedded.network.test_gateway_conformance_tls import (
    AUTHORITY,
    SECURE,
    https,
    key_pair,
    trusting,
)

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


def fields(**found: str) -> bytes:
    """Header fields, each written out; `_` stands for a hyphen."""
    pairs = ((name.replace("_", "-").encode(), value.encode()) for name, value in found.items())
    return b"".join(
        bytes([0, len(name)]) + name + bytes([len(value)]) + value for name, value in pairs
    )


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gRPC server that sends each message back, and ends the call in its trailers."""
    if await reader.readexactly(len(_PREFACE)) != _PREFACE:
        writer.close()
        return
    writer.write(frame(_SETTINGS, 0, 0, b""))
    answered: set[int] = set()
    try:
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == _SETTINGS and not flags & _ACK:
                writer.write(frame(_SETTINGS, _ACK, 0, b""))
            if kind != _DATA:
                continue
            if stream not in answered:
                answered.add(stream)
                # 0x88 is `:status: 200`.
                start = b"\x88" + fields(content_type="application/grpc")
                writer.write(frame(_HEADERS, _END_HEADERS, stream, start))
            writer.write(frame(_DATA, 0, stream, payload))
            if flags & _END_STREAM:
                end = fields(grpc_status="0", grpc_message="echoed")
                writer.write(frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, end))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def curl(*arguments: str, data: bytes = b"") -> bytes:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("no curl on this machine")
    run = await asyncio.create_subprocess_exec(
        program, "--silent", "--max-time", "60", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await run.communicate(data)
    return output


async def need_http2() -> None:
    if b"HTTP2" not in await curl("--version"):
        pytest.skip("curl without HTTP/2")


def calling(url: str, *more: str) -> list[str]:
    """A gRPC call whose message comes from standard input; the answer's heads come first."""
    return [
        "--dump-header", "-", "-H", "te: trailers", "-H", "content-type: application/grpc",
        "--data-binary", "@-", *more, url,
    ]  # fmt: skip


def grpc_route(**more: Any) -> dict[str, Any]:
    call = {"method": {"service": "shop.Orders", "method": "Place"}}
    return route(rule(call), kind="GRPCRoute", **more)


MESSAGE = b"\0\0\0\0\5hello"


def check_call(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/2 200")
    assert MESSAGE in answer
    assert b"grpc-status: 0" in answer
    assert b"grpc-message: echoed" in answer


async def test_grpc_calls_come_through_with_their_trailers(live: LiveGateway) -> None:
    await need_http2()
    async with echo_server() as port:
        await live.serve(routes.build(world(grpc_route(hostnames=(HOST,)))).table, greeter=port)
        base = f"http://127.0.0.1:{live.client.port}"
        ask = ["--http2-prior-knowledge", "-H", f"Host: {HOST}"]

        for _ in range(3):
            check_call(await curl(*calling(f"{base}/shop.Orders/Place", *ask), data=MESSAGE))
        refused = await curl(*calling(f"{base}/shop.Orders/Cancel", *ask), data=MESSAGE)
        assert MESSAGE not in refused
        assert b"echoed" not in refused


def authority_file(folder: Path) -> str:
    path = folder / "authority.pem"
    path.write_bytes(AUTHORITY.certificate)
    return str(path)


def over_tls(live: LiveGateway, folder: Path) -> list[str]:
    place = f"{SECURE}:{live.client.port}:127.0.0.1"
    return ["--http2", "--cacert", authority_file(folder), "--resolve", place]


async def test_grpc_and_http2_over_tls(live: LiveGateway, tmp_path: Path) -> None:
    await need_http2()
    secure = gateway(https(hostname=SECURE))
    secrets = {("infra", "https"): key_pair("https", SECURE)}
    plain = route(rule(backendRefs=[backend("other")]), name="plain")
    built = routes.build(
        world(
            grpc_route(),
            plain,
            gateways=[secure],
            secrets=secrets,
            services=[service(), service("other")],
        )
    )
    async with echo_server() as port:
        await live.serve(built.table, greeter=port)
        base = f"https://{SECURE}:{live.client.port}"

        call = calling(f"{base}/shop.Orders/Place", *over_tls(live, tmp_path))
        check_call(await curl(*call, data=MESSAGE))
        page = await curl("--dump-header", "-", *over_tls(live, tmp_path), f"{base}/page")
        assert page.startswith(b"HTTP/2 200")
        assert b'"upstream": "two"' in page


async def test_websocket_over_tls(live: LiveGateway) -> None:
    secure = gateway(https(hostname=SECURE))
    secrets = {("infra", "https"): key_pair("https", SECURE)}
    await live.serve(routes.build(world(route(), gateways=[secure], secrets=secrets)).table)

    url, headers = f"https://127.0.0.1:{live.client.port}/socket", {"Host": SECURE}
    async with live.client.session.ws_connect(
        url, headers=headers, ssl=trusting(), server_hostname=SECURE
    ) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=60) == "one: hello"


async def test_routes_of_the_inner_gateway_are_not_reached_from_outside(
    live: LiveGateway,
) -> None:
    outer, inner = gateway(listener()), gateway(listener(port=19081), name="gateway-internal")
    public = route(name="public", hostnames=(HOST,))
    private = route(
        rule({"path": {"type": "PathPrefix", "value": "/private"}}),
        name="private",
        hostnames=(HOST,),
        parent={"name": "gateway-internal"},
    )
    await live.serve(routes.build(world(public, private, gateways=[outer, inner])).table)

    async def status(port: int, path: str) -> int:
        async with live.client.session.get(
            f"http://127.0.0.1:{port}{path}", headers={"Host": HOST}
        ) as response:
            return response.status

    assert await status(live.second, "/private") == 200
    assert await status(live.second, "/public") == 404
    assert await status(live.client.port, "/public") == 200

    only_inner = routes.build(world(private, gateways=[outer, inner]))
    await live.serve(only_inner.table)
    assert await status(live.client.port, "/private") == 404
    assert await status(live.second, "/private") == 200
