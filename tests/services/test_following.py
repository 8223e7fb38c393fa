"""Following a log over a stream that breaks, which a healthy server would not do to us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson
import pytest

from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import Query, Response, StreamedResponse, WebSocket
from choreo_local.services import logstream
from choreo_local.services.live import Cell
from choreo_local.services.podlogs import Wanted
from tests.services.objects import pod

_FIRST = b"2026-01-01T10:00:01.5Z one\n"
_SECOND = b"2026-01-01T10:00:02.5Z two\n"


class _Stream:
    status = 200

    def __init__(self, *chunks: bytes, fails: bool = False) -> None:
        self._chunks = chunks
        self._fails = fails

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._fails:
            raise UnreachableError("the connection broke")
        await asyncio.Event().wait()


class _BreakingTransport:
    """One running pod; its log breaks after the first line, and is whole the second time."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

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
        running = pod(container={"state": {"running": {}}})
        listed: dict[str, Any] = {"metadata": {"resourceVersion": "1"}, "items": [running]}
        return Response(200, orjson.dumps(listed))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        if not path.endswith("/log"):
            yield _Stream()
            return
        self.asked.append(dict(query))
        if len(self.asked) == 1:
            yield _Stream(_FIRST, fails=True)
        else:
            yield _Stream(_FIRST + _SECOND)

    def websocket(
        self, path: str, *, query: Query = (), protocols: tuple[str, ...] = ()
    ) -> AbstractAsyncContextManager[WebSocket]:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_broken_stream_goes_on_where_it_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logstream, "_REOPEN_SECONDS", 0.01)
    transport = _BreakingTransport()
    cell = Cell(KubeClient(transport), "dp-dev", {})
    lines = logstream._follow(cell, Wanted(follow=True, tail=10))
    found = [(await anext(lines)).line, (await anext(lines)).line]
    await lines.aclose()
    assert found == ["one", "two"]
    assert [query.get("tailLines") for query in transport.asked] == ["10", None]
    assert transport.asked[1]["sinceTime"] == "2026-01-01T10:00:01.5Z"


async def test_a_container_that_restarts_is_read_again_at_once() -> None:
    container = logstream._Container("p", "c", 0)
    container.takes_up()
    container.saw(0)
    waiting = asyncio.create_task(container.goes_on(lambda _: False))
    container.saw(1)
    assert await asyncio.wait_for(waiting, 0.5) is True


async def test_a_container_whose_pod_is_gone_is_read_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logstream, "_REOPEN_SECONDS", 0.01)
    answers: list[bool | None] = [False, False, None]
    container = logstream._Container("p", "c", 0)
    assert await container.goes_on(lambda _: answers.pop(0)) is False
    assert answers == []
