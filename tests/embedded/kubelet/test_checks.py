"""Questions to containers: commands, pages, ports, gRPC health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from choreo_local.embedded.kubelet import checks, grpchealth
from choreo_local.embedded.kubelet.checks import Checker, Target
from choreo_local.embedded.kubelet.probes import Answer
from choreo_local.embedded.kubelet.runtime import StartError
from choreo_local.errors import BadRequestError
from tests.embedded.kubelet.builders import container, pod, sidecar

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    found = Checker()
    yield found
    await found.close()


def target(**fields: Any) -> Target:
    async def run(command: Sequence[str]) -> tuple[int, str]:
        if command[0] == "gone":
            raise BadRequestError("container main is not running")
        return int(command[0]), "said something"

    return Target(pod(), container(**fields), "127.0.0.1", run)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("0", Answer(True, "said something")),
        ("1", Answer(False, "said something")),
        ("gone", Answer(False, "container main is not running")),
    ],
)
async def test_a_command_succeeds_with_code_zero(
    checker: Checker, command: str, answer: Answer
) -> None:
    assert await checker.ask({"exec": {"command": [command]}}, target()) == answer


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer(True, "body")),
        (302, Answer(True, "body")),
        (399, Answer(True, "body")),
        (400, Answer(False, "HTTP probe failed with statuscode: 400")),
        (503, Answer(False, "HTTP probe failed with statuscode: 503")),
    ],
)
async def test_a_page_succeeds_below_400(checker: Checker, status: int, answer: Answer) -> None:
    asked: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        moved = "Location: http://elsewhere.invalid/"
        head = f"HTTP/1.1 {status} X\r\n{moved}\r\nContent-Length: 4\r\n\r\n"
        writer.write(head.encode() + b"body")
        writer.close()

    async with listening(talk) as port:
        headers = [{"name": "X-Probe", "value": "yes"}, {"name": "User-Agent", "value": "mine"}]
        action = {"httpGet": {"path": "/healthz?full=1", "port": port, "httpHeaders": headers}}
        assert await checker.ask(action, target()) == answer
    assert asked[0].startswith("GET /healthz?full=1 HTTP/1.1\r\n")
    assert "X-Probe: yes\r\n" in asked[0]
    assert "User-Agent: mine\r\n" in asked[0]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Answer(True, "body")),
        (500, Answer(False, "HTTP probe failed with statuscode: 500")),
    ],
)
async def test_a_page_that_has_moved_on_its_host_is_followed(
    checker: Checker, status: int, answer: Answer
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        is_there = asked.startswith("GET /there ")
        head = f"HTTP/1.1 {status} X" if is_there else "HTTP/1.1 307 X\r\nLocation: /there"
        writer.write(head.encode() + b"\r\nContent-Length: 4\r\n\r\nbody")
        writer.close()

    async with listening(talk) as port:
        assert await checker.ask({"httpGet": {"path": "/here", "port": port}}, target()) == answer


async def test_a_page_that_moves_for_ever_fails(checker: Checker) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with listening(talk) as port:
        answer = await checker.ask({"httpGet": {"port": port}}, target())
    assert not answer.success
    assert answer.message.endswith("stopped after 10 redirects")


async def test_a_page_that_nobody_serves_fails(checker: Checker) -> None:
    answer = await checker.ask({"httpGet": {"port": 9}}, target())
    assert not answer.success
    assert answer.message.startswith('Get "http://127.0.0.1:9/": ')


async def test_a_port_may_have_a_name(checker: Checker) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(talk) as port:
        named = target(ports=[{"name": "http", "containerPort": port}])
        assert (await checker.ask({"tcpSocket": {"port": "http"}}, named)).success
        assert (await checker.ask({"tcpSocket": {"port": str(port)}}, named)).success


async def test_a_port_that_nobody_listens_on_fails(checker: Checker) -> None:
    answer = await checker.ask({"tcpSocket": {"port": 9}}, target())
    assert answer == Answer(False, "dial tcp 127.0.0.1:9: connect: connection refused")


def test_an_unknown_port_name_is_an_error() -> None:
    with pytest.raises(StartError, match="couldn't find port: http"):
        checks.resolve_port("http", container())


async def test_nothing_to_ask_fails(checker: Checker) -> None:
    assert await checker.ask({}, target()) == Answer(False, "missing probe handler")


def test_events_name_the_kind_of_container() -> None:
    manifest = pod(initContainers=[sidecar("proxy")])
    assert checks.field_path(manifest, "proxy") == "spec.initContainers{proxy}"
    assert checks.field_path(manifest, "main") == "spec.containers{main}"


# --- gRPC --------------------------------------------------------------------------------------


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


def health_server(*frames: bytes, requests: list[bytes] | None = None) -> Talk:
    """A server that waits for a whole request, then sends frames."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == 0:
                break
            if requests is not None and head[3] == 1:
                requests.append(payload)
        if requests is not None:
            requests.append(payload)
        writer.write(frame(4, 0, 0, b"") + frame(6, 0, 0, b"12345678") + b"".join(frames))
        await writer.drain()
        await reader.read()
        writer.close()

    return talk


def answer_of(state: int) -> bytes:
    message = bytes([0x08, state]) if state else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


HEADERS = frame(1, 0x4, 1, b"\x88")
TRAILERS = frame(1, 0x5, 1, b"\x88")


@pytest.mark.parametrize(
    ("frames", "answer"),
    [
        ([HEADERS, frame(0, 0, 1, answer_of(1)), TRAILERS], Answer(True, "service healthy")),
        (
            [HEADERS, frame(0, 0x8, 1, b"\2" + answer_of(1) + b"\0\0"), TRAILERS],
            Answer(True, "service healthy"),
        ),
        (
            [HEADERS, frame(0, 0, 1, answer_of(1)[:3]), frame(0, 0, 1, answer_of(1)[3:]), TRAILERS],
            Answer(True, "service healthy"),
        ),
        (
            [HEADERS, frame(0, 0, 1, answer_of(2)), TRAILERS],
            Answer(False, 'service unhealthy (responded with "NOT_SERVING")'),
        ),
        (
            [HEADERS, frame(0, 0, 1, answer_of(0)), TRAILERS],
            Answer(False, 'service unhealthy (responded with "UNKNOWN")'),
        ),
        (
            [TRAILERS],
            Answer(
                False,
                "error: this server does not implement the grpc health protocol "
                "(grpc.health.v1.Health)",
            ),
        ),
    ],
)
async def test_grpc_health(frames: list[bytes], answer: Answer) -> None:
    async with listening(health_server(*frames)) as port:
        assert await grpchealth.check("127.0.0.1", port) == answer


async def test_grpc_asks_for_the_service() -> None:
    requests: list[bytes] = []
    talk = health_server(HEADERS, frame(0, 0, 1, answer_of(1)), TRAILERS, requests=requests)
    async with listening(talk) as port:
        await grpchealth.check("127.0.0.1", port, service="shop.Cart")
    headers, body = requests
    assert b"/grpc.health.v1.Health/Check" in headers
    assert body == b"\0\0\0\0\x0b\x0a\x09shop.Cart"


@pytest.mark.parametrize(
    "frames",
    [
        [frame(7, 0, 0, b"\0" * 8)],
        [frame(3, 0, 1, b"\0" * 4)],
        [(1 << 20).to_bytes(3, "big") + b"\0\0\0\0\0\1"],
        [frame(6, 1, 0, b"12345678")] * 100,
    ],
)
async def test_a_grpc_server_that_misbehaves_is_not_healthy(frames: list[bytes]) -> None:
    async with listening(health_server(*frames)) as port:
        answer = await grpchealth.check("127.0.0.1", port)
    assert not answer.success
    assert "health rpc" in answer.message


async def test_a_grpc_server_that_hangs_up_is_not_healthy() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(talk) as port:
        assert not (await grpchealth.check("127.0.0.1", port)).success
    assert "failed to connect" in (await grpchealth.check("127.0.0.1", 9)).message
