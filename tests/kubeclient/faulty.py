"""A server that answers as a test tells it: for what a healthy server does not send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
SECONDS = 5


def config_map(name: str, revision: int, **data: str) -> dict[str, Any]:
    """A ConfigMap as a server would show it."""
    metadata = {"name": name, "namespace": "default", "resourceVersion": str(revision)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def listed(*items: dict[str, Any], revision: int, go_on: str = "") -> dict[str, Any]:
    """A list, or one page of it."""
    metadata = {"resourceVersion": str(revision), **({"continue": go_on} if go_on else {})}
    return {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": list(items)}


def failure(code: int, reason: str, message: str = "no", **details: Any) -> dict[str, Any]:
    """A Status."""
    content = {"kind": "Status", "status": "Failure", "code": code, "reason": reason}
    return {**content, "message": message, **({"details": details} if details else {})}


def event(kind: str, obj: dict[str, Any]) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def reply(content: Any, status: int = 200, *, header: tuple[str, str] = ("X-Some", "1")) -> Answer:
    """One complete answer; bytes are sent as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=dict([header]))

    return answer


def stream(*pieces: bytes, ends: str = "well") -> Answer:
    """Pieces one by one; then the stream ends well, breaks, or stays open."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if ends == "breaks":
            assert request.transport is not None
            request.transport.abort()
        elif ends == "never":
            await asyncio.Event().wait()
        return response

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    """No answer at all."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Faulty:
    """Gives its answers one after another, the last one for ever; remembers what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.url = ""
        self.asked: list[web.Request] = []
        self.times: list[float] = []
        self._answers = list(answers)
        self._changed = asyncio.Condition()

    @property
    def queries(self) -> list[dict[str, str]]:
        """The query of each request."""
        return [dict(request.query) for request in self.asked]

    async def was_asked(self, times: int) -> None:
        """Return once so many requests have come."""
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.asked) >= times)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        async with self._changed:
            self.asked.append(request)
            self.times.append(asyncio.get_running_loop().time())
            self._changed.notify_all()
        return await answer(request)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[KubeClient, Faulty]]:
    """A client of a server that gives these answers."""
    faulty = Faulty(*answers)
    app = web.Application()
    app.router.add_route("*", "/{path:[^\0]*}", faulty.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    faulty.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    client = KubeClient(AiohttpTransport(faulty.url))
    try:
        yield client, faulty
    finally:
        await client.close()
        await runner.cleanup()
