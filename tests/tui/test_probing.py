from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tui.probing import Prober, is_local


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def respond(request: web.Request) -> web.Response:
        if request.path == "/told":
            return web.Response(status=299 if "Choreo-Probe" in request.headers else 400)
        if request.path == "/moved":
            raise web.HTTPFound("/elsewhere")
        return web.Response(text=request.host, headers={"Set-Cookie": "a=b"})

    application = web.Application()
    application.router.add_get("/{path:.*}", respond)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    found = Prober()
    yield found
    await found.close()


async def test_names_below_localhost_are_this_machine(port: int, prober: Prober) -> None:
    url = f"http://staging-default.openchoreoapis.localhost:{port}/greeter"
    probe = await prober.ask(url)
    assert (probe.status, probe.problem) == (200, "")
    assert probe.milliseconds > 0


async def test_redirects_are_told_and_not_followed(port: int, prober: Prober) -> None:
    assert (await prober.ask(f"http://x.localhost:{port}/moved")).status == 302


async def test_whoever_is_asked_can_tell_that_it_is_us(port: int, prober: Prober) -> None:
    assert (await prober.ask(f"http://x.localhost:{port}/told")).status == 299


async def test_nobody_there_is_a_problem_and_no_crash(prober: Prober) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        probe = await prober.ask(f"http://x.localhost:{unused.getsockname()[1]}/")
    assert probe.status == 0
    assert probe.problem.startswith("no connection: ")


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "ftp://x.localhost/"])
async def test_what_is_no_url_is_a_problem_and_no_crash(prober: Prober, url: str) -> None:
    assert (await prober.ask(url)).problem


async def test_what_is_no_http_is_a_problem_and_no_crash(prober: Prober) -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 not http\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await prober.ask(f"http://127.0.0.1:{port}/")).problem


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("a.b.LOCALHOST.", True),
        ("localhost.example.com", False),
        ("notlocalhost", False),
    ],
)
def test_local_names_are_told_by_their_end(host: str, *, local: bool) -> None:
    assert is_local(host) is local
