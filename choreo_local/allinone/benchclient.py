"""The client of `choreo bench kube`, `api` and `pods`: HTTP/1.1, and little else of it.

A client library would take longer for a request than the servers that are to be measured; both
share the machine's cores with it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

import yaml

from choreo_local.errors import ChoreoError, PreflightError

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a server, and as whom; without a context there is no TLS.

    Attributes:
        name: of the host that is asked for, where it is not that of the connection.
    """

    host: str
    port: int
    context: ssl.SSLContext | None
    token: str = ""
    name: str = ""


def read_kubeconfig(path: Path) -> Access:
    """The current context of a kubeconfig; client certificates and tokens are understood."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
        url = urlsplit(cluster["server"])
        return Access(
            url.hostname or "127.0.0.1",
            url.port or 443,
            _tls(cluster, user, path.parent),
            user.get("token", ""),
        )
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise PreflightError(
            f"cannot use the kubeconfig {path}: {error or type(error).__name__}",
            remedy="Name a kubeconfig with a client certificate or a token",
        ) from error


def _named(config: Any, kind: str, name: str) -> Any:
    return {entry["name"]: entry for entry in config[kind]}[name]


def _tls(cluster: dict[str, str], user: dict[str, str], folder: Path) -> ssl.SSLContext:
    authority = _pem(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() or None)
    certificate, key = _pem(user, "client-certificate", folder), _pem(user, "client-key", folder)
    if certificate:
        # The library reads them from files only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _pem(section: dict[str, str], name: str, folder: Path) -> bytes:
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / section[name]).read_bytes() if section.get(name) else b""


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, access: Access) -> None:
        self._tail = (
            f" HTTP/1.1\r\nHost: {access.name or access.host}\r\nAccept: application/json\r\n"
        )
        if access.token:
            self._tail += f"Authorization: Bearer {access.token}\r\n"
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._lost = asyncio.Event()

    @classmethod
    async def open(cls, access: Access) -> Self:
        """Connect."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(access), access.host, access.port, ssl=access.context
        )
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._lost.set()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._received += data
        if self._waiting is not None and _is_complete(self._received):
            answer, self._received = bytes(self._received), bytearray()
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_result(answer)

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> None:
        """Send a request without waiting for the answer."""
        assert self._transport is not None
        head = f"{method} {path}{self._tail}Content-Length: {len(body)}\r\n"
        if content_type:
            head += f"Content-Type: {content_type}\r\n"
        self._transport.write(head.encode() + b"\r\n" + body)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> bytes:
        """The answer, head and body; ChoreoError when it is no success."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.send(method, path, body, content_type)
        answer = await self._waiting
        if answer[9:10] != b"2":
            said = answer.partition(_END_OF_HEAD)[2][:300].decode(errors="replace")
            raise ChoreoError(f"{method} {path} was answered {answer[9:12].decode()}: {said}")
        return answer

    async def close(self) -> None:
        """Close the connection; nothing is said to the server."""
        if self._transport is not None:
            self._transport.abort()
            await self._lost.wait()


def _is_complete(received: bytearray) -> bool:
    head = received.find(_END_OF_HEAD)
    if head < 0:
        return False
    length = _LENGTH.search(received, 0, head)
    if length is None:
        return received.endswith(_END_OF_CHUNKS)
    return len(received) >= head + len(_END_OF_HEAD) + int(length[1])


def body_of(answer: bytes) -> bytes:
    """The body of an answer, put together when it came in chunks."""
    head, _, body = answer.partition(_END_OF_HEAD)
    if _LENGTH.search(head):
        return body
    parts = []
    start = 0
    while length := int(body[start : (end := body.index(b"\r\n", start))], 16):
        parts.append(body[end + 2 : end + 2 + length])
        start = end + 4 + length
    return b"".join(parts)


class WatchConnection(Connection):
    """A watch that says when a mark has arrived."""

    _mark = b""
    _on_mark: Callable[[float], None]

    def expect(self, mark: bytes, on_mark: Callable[[float], None]) -> None:
        """Call `on_mark` with the time at which the mark comes."""
        self._mark, self._on_mark = mark, on_mark

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if not self._mark:
            return
        received = bytes(self._received) + data
        if self._mark in received:
            self._mark = b""
            self._received.clear()
            self._on_mark(time.perf_counter())
        else:
            # A mark may be cut in two.
            self._received = bytearray(received[1 - len(self._mark) :])
