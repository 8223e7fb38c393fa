"""JSON, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.apiclient.client import ApiClient
from choreo_local.apiclient.streams import JsonLines
from choreo_local.apiclient.types import Ping
from choreo_local.errors import UnreachableError


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_lines_come_out_whole_wherever_the_chunks_end() -> None:
    found = [line async for line in JsonLines(_chunks(b'{"a"', b': 1}\n{"b":', b"2}\n\n"))]
    assert found == [{"a": 1}, {"b": 2}]


@given(st.lists(st.integers(1, 40), max_size=12))
async def test_any_cut_of_a_stream_gives_the_same_lines(sizes: list[int]) -> None:
    body = b"".join(b'{"n":%d}\n' % number for number in range(10))
    pieces, start = [], 0
    for size in [*sizes, len(body)]:
        pieces.append(body[start : start + size])
        start += size
    assert [line["n"] async for line in JsonLines(_chunks(*pieces))] == list(range(10))


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n"])
async def test_a_line_that_is_no_object_ends_the_stream_with_words(line: bytes) -> None:
    with pytest.raises(UnreachableError, match="cannot read the stream"):
        [found async for found in JsonLines(_chunks(line))]


def test_a_program_that_ends_within_a_stream_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"ping"}\n')
        await asyncio.Event().wait()
        return response

    async def program() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ApiClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            events = client.watch_board("default")
            assert isinstance(await anext(events), Ping)
            kept.append(events)
        await runner.cleanup()

    kept: list[object] = []
    asyncio.run(program())
    assert [record.getMessage() for record in caplog.records] == []
