"""The HTTP interface of a container engine over its socket.

JSON requests go through aiohttp; those that turn their connection into streams are written by
hand, as clients of HTTP give such connections away only through their insides.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.errors import ChoreoError

_REQUEST_SECONDS = 120.0
_NOT_MODIFIED, _NOT_FOUND, _REFUSED = 304, 404, 400
_MOST_HEAD_BYTES = 1 << 16
_STREAM_BUFFER = 1 << 16
_MOST_TRIES = 5

Query = Mapping[str, str | int]


class EngineError(ChoreoError):
    """The engine refused a request, or does not answer; `status` is 0 then."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """What was asked for does not exist."""
        return self.status == _NOT_FOUND


@dataclass(frozen=True, slots=True)
class Hijacked:
    """A connection that carries streams now."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def abort(self) -> None:
        """Close it at once: nobody reads any more what has not been sent."""
        self.writer.transport.abort()

    async def drop(self) -> None:
        """The same, and wait until it is closed."""
        self.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Engine:
    """Asks one engine."""

    def __init__(self, facts: EngineFacts) -> None:
        self.facts = facts
        self._prefix = f"/v{facts.api}"
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Each container that runs holds a connection until it ends.
                connector=aiohttp.UnixConnector(str(self.facts.socket), limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, query: Query | None = None) -> Any:
        """Read something."""
        return await self.ask("GET", path, query)

    async def post(self, path: str, query: Query | None = None, body: Any = None) -> Any:
        """Make or do something."""
        return await self.ask("POST", path, query, body)

    async def create_container(self, name: str, body: Any) -> str:
        """Create a container in place of one with the same name; the engine's id of it."""
        for _ in range(_MOST_TRIES):
            try:
                made = await self.post("/containers/create", {"name": name}, body)
            except EngineError as error:
                if "already in use" not in error.message:
                    raise
                # What was begun before has been given up half way.
                await self.remove_container(name)
            else:
                return str(made["Id"])
        raise EngineError(f"cannot create {name}: its name is still in use")

    async def remove_container(self, name: str) -> None:
        """Remove a container, running or not; it may have gone already, or be about to."""
        try:
            await self.ask("DELETE", f"/containers/{name}", {"force": 1, "v": 1})
        except EngineError as error:
            if not error.is_missing and "already in progress" not in error.message:
                raise

    async def ask(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        *,
        seconds: float | None = _REQUEST_SECONDS,
    ) -> Any:
        """One request; its JSON answer, None when there is none."""
        content = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(seconds),
                self._open().request(
                    method,
                    f"http://engine{self._prefix}{path}",
                    params=query,
                    data=content,
                    headers=headers,
                ) as answer,
            ):
                return _read(f"{method} {path}", answer.status, await answer.read())
        except (aiohttp.ClientError, OSError) as error:
            reason = f"within {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
            raise EngineError(f"the container engine did not answer: {reason}") from error

    async def upload(self, path: str, content: AsyncIterator[bytes], query: Query) -> list[Any]:
        """Send a tar archive; the lines of the answer, which are JSON each."""
        try:
            async with self._open().post(
                f"http://engine{self._prefix}{path}",
                params=query,
                data=content,
                headers={"Content-Type": "application/x-tar"},
            ) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise EngineError(f"the container engine did not answer: {error}") from error
        if answer.status >= _REFUSED:
            _read(f"POST {path}", answer.status, text)
        return [orjson.loads(line) for line in text.splitlines() if line.startswith(b"{")]

    async def hijack(self, path: str, query: Query | None = None, body: Any = None) -> Hijacked:
        """A POST after which the connection carries streams."""
        content = b"" if body is None else orjson.dumps(body)
        target = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_unix_connection(
                self.facts.socket, limit=_STREAM_BUFFER
            )
        except OSError as error:
            raise EngineError(f"the container engine did not answer: {error}") from error
        made = Hijacked(reader, writer)
        try:
            writer.write(head.encode() + content)
            async with asyncio.timeout(_REQUEST_SECONDS):
                await _read_head(f"POST {path}", reader)
        except BaseException as error:
            await made.drop()
            if isinstance(error, (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)):
                raise EngineError(f"the container engine did not answer: {error}") from error
            raise
        return made


async def _read_head(what: str, reader: asyncio.StreamReader) -> None:
    """Read the head of an answer; EngineError unless streams follow it."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    if status < _REFUSED:
        return
    fields = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    length = min(int(fields.get("content-length", 0)), _MOST_HEAD_BYTES)
    _read(what, status, await reader.readexactly(length))


def _read(what: str, status: int, content: bytes) -> Any:
    if status >= _REFUSED:
        raise EngineError(_message(content) or f"{what} was answered with {status}", status=status)
    if status == _NOT_MODIFIED or not content.strip():
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="replace")


def _message(content: bytes) -> str:
    """What an engine says is wrong, on one line."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode(errors="replace")
    else:
        text = str(found.get("message") or "") if isinstance(found, dict) else str(found)
    return " ".join(text.split())[:1000]
