"""Both ways in which requests travel, against a real server that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from choreo_local.apiclient.transport import Blocking, Call, Pooled, target
from choreo_local.errors import ForbiddenError, NotFoundError, UnreachableError

WAYS = pytest.mark.parametrize("way", [Blocking, Pooled])
Way = type[Blocking] | type[Pooled]


class _Echo(BaseHTTPRequestHandler):
    """Says what was asked; some paths fail."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = {
            "method": self.command,
            "path": self.path,
            "token": self.headers.get("Authorization"),
            "body": self.rfile.read(length).decode(),
            "port": self.client_address[1],
        }
        status = {"/absent": 404, "/denied": 403}.get(self.path, 200)
        content = json.dumps(said if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status == 403:
            self.send_header("Choreo-Missing-Permission", "project:view ns/x")
        self.end_headers()
        self.wfile.write(content)

    do_GET = _answer  # noqa: N815 - the base class looks for this name
    do_POST = _answer  # noqa: N815 - the same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the server listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@WAYS
async def test_a_request_arrives_as_it_was_meant(way: Way, url: str) -> None:
    sender = way(url, {"Authorization": "Bearer x"}, timeout_seconds=30)
    try:
        asked = Call("POST", target("/a%2Fb", {"q": "1 + 1/ü", "none": None}), {"k": "ü"})
        said = json.loads(await sender.request(asked))
        again = json.loads(await sender.request(Call("GET", "/")))
    finally:
        await sender.close()
    assert (said["method"], said["token"], json.loads(said["body"])) == (
        "POST",
        "Bearer x",
        {"k": "ü"},
    )
    assert said["path"] == "/a%2Fb?q=1+%2B+1%2F%C3%BC"
    assert again["port"] == said["port"], "one connection serves both"


@WAYS
async def test_failures_are_raised(way: Way, url: str) -> None:
    sender = way(url, {}, timeout_seconds=30)
    try:
        with pytest.raises(NotFoundError):
            await sender.request(Call("GET", "/absent"))
        with pytest.raises(ForbiddenError, match="missing project:view on ns/x"):
            await sender.request(Call("GET", "/denied"))
        assert await sender.request(Call("GET", "/"))
    finally:
        await sender.close()


@WAYS
async def test_streams_come_either_way(way: Way, url: str) -> None:
    sender = way(url, {}, timeout_seconds=30)
    try:
        chunks = [chunk async for chunk in sender.stream(Call("GET", "/lines"))]
    finally:
        await sender.close()
    assert json.loads(b"".join(chunks))["path"] == "/lines"


@WAYS
@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://127.0.0.1:99999", "nonsense"])
async def test_nobody_there_is_said(way: Way, address: str) -> None:
    sender = way(address, {}, timeout_seconds=30)
    try:
        with pytest.raises(UnreachableError, match="cannot reach the API"):
            await sender.request(Call("GET", "/"))
    finally:
        await sender.close()
