"""A registry of somebody else's, with whatever faults a test wants; over real HTTP."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from choreo_local.images import documents
from choreo_local.threads import LoopThread
from tests.images.builders import MadeImage, sha256

Fault = Callable[[web.Request], "web.StreamResponse | None"]


@dataclass
class Stranger:
    """What it has, what it wants, and what it was asked.

    Attributes:
        faults: asked first, each may answer instead.
        broken_after: a blob's answer breaks off after so many bytes, as often as listed.
        passwords: user → password; without any it asks for none.
        realm: where tokens are; Basic when empty.
        ranges: whether it can send parts.
    """

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken_after: list[int] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    realm: str = ""
    ranges: bool = True
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, made: MadeImage, tag: str = "1") -> None:
        """Have an image."""
        self.put(made.manifest, tag, documents.OCI_MANIFEST)
        self.blobs |= made.blobs

    def put(self, manifest: bytes, tag: str, kind: str) -> None:
        """Have a manifest."""
        self.manifests[tag] = self.manifests[sha256(manifest)] = (kind, manifest)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        begin = request.headers.get("Range", "")
        self.asked.append(" ".join(filter(None, [request.method, request.path, begin])))
        self.authorizations.append(request.headers.get("Authorization", ""))
        for fault in self.faults:
            if (found := fault(request)) is not None:
                return found
        if request.path == "/token":
            return self._token(request)
        if self.passwords and not self._knows(request.headers.get("Authorization", "")):
            return web.Response(status=401, headers={"WWW-Authenticate": self._challenge()})
        kind, _, name = request.path.rpartition("/")
        if kind.endswith("/manifests"):
            return self._manifest(name)
        return await self._blob(request, name)

    def _challenge(self) -> str:
        if not self.realm:
            return 'Basic realm="stranger"'
        return f'Bearer realm="{self.realm}",service="s",scope="repository:a/b:pull"'

    def _knows(self, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        if scheme == "Bearer":
            return rest == "good-token"
        return scheme == "Basic" and not self.realm and self._is_password(rest)

    def _is_password(self, text: str) -> bool:
        user, _, password = base64.b64decode(text).decode().partition(":")
        return self.passwords.get(user) == password

    def _token(self, request: web.Request) -> web.Response:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic" or not self._is_password(rest):
            return web.Response(status=401)
        return web.json_response({"token": "good-token", "expires_in": 60})

    def _manifest(self, name: str) -> web.Response:
        if name not in self.manifests:
            body = {"errors": [{"code": "MANIFEST_UNKNOWN"}]}
            return web.Response(status=404, text=json.dumps(body))
        kind, content = self.manifests[name]
        headers = {"Content-Type": kind, "Docker-Content-Digest": sha256(content)}
        return web.Response(body=content, headers=headers)

    async def _blob(self, request: web.Request, name: str) -> web.StreamResponse:
        content = self.blobs.get(name)
        if content is None:
            return web.Response(status=404)
        start, status, headers = 0, 200, {}
        if "Range" in request.headers and self.ranges:
            start = int(request.headers["Range"].removeprefix("bytes=").rstrip("-"))
            status, headers = 206, {"Content-Range": f"bytes {start}-{len(content) - 1}/*"}
        answer = web.StreamResponse(status=status, headers=headers)
        answer.content_length = len(content) - start
        await answer.prepare(request)
        if not self.broken_after:
            await answer.write(content[start:])
            return answer
        await answer.write(content[start : start + self.broken_after.pop(0)])
        assert request.transport is not None
        request.transport.close()
        return answer


@asynccontextmanager
async def serving(
    stranger: Stranger | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stranger]:
    """Have it answer; at its port of before, if it had one."""
    stranger = stranger or Stranger()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stranger.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", stranger.port, ssl_context=tls)
    await site.start()
    stranger.port = runner.addresses[0][1]
    try:
        yield stranger
    finally:
        await runner.cleanup()


@contextmanager
def serving_beside(stranger: Stranger) -> Iterator[Stranger]:
    """Have it answer in a thread of its own, for tests that wait for programs."""
    thread = LoopThread("stranger")
    thread.start()
    answering = serving(stranger)
    try:
        thread.call(answering.__aenter__())
        try:
            yield stranger
        finally:
            thread.call(answering.__aexit__(None, None, None))
    finally:
        thread.stop()
