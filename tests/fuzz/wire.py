"""HTTP as bytes over a unix socket: what is sent is exactly what was generated."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Far more than any answer takes on a slow machine: beyond it, the server hangs.
ANSWER_SECONDS = 90


class Hangs(AssertionError):
    """No answer came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, as bytes, and what the model has to know of it.

    Attributes:
        raw: everything that is written.
        method: for the model.
        path: without the query.
        query: as it was written.
        body: what the request carries, whatever frames it.
        is_cut: the connection is closed before the request is complete; there is no answer.
        is_open: the answer may go on for ever; of a success only the head is read.
        is_broken: its head is no HTTP; what the server makes of it is not known beforehand.
    """

    raw: bytes
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    is_cut: bool = False
    is_open: bool = False
    is_broken: bool = False

    def __str__(self) -> str:
        return repr(self.raw[:1500])


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The content; None when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Wire:
    """One connection at a time, made anew when the server closes it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._before: Sent | None = None

    async def send(self, sent: Sent) -> Answered | None:
        """The answer; None when the request was cut."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._exchange(sent)
        except TimeoutError:
            raise Hangs(f"no answer to {sent}") from None

    async def _exchange(self, sent: Sent) -> Answered | None:
        if self._writer is None or sent.is_cut:
            await self.close()
            self._reader, self._writer = await asyncio.open_unix_connection(str(self._socket))
            self._before = None
        assert self._reader is not None
        self._writer.write(sent.raw)
        if sent.is_cut:
            await self._writer.drain()
            await self.close()
            return None
        try:
            answered = await _read(self._reader, sent)
        except ConnectionError as error:
            raise Hangs(f"closed after {self._before}, before {sent}") from error
        self._before = sent
        is_last = answered.headers.get("connection", "").lower() == "close"
        # What a broken request leaves unread would be taken for the next one.
        if is_last or sent.is_open or sent.is_broken or answered.status in (101, 400, 413):
            await self.close()
        return answered

    async def close(self) -> None:
        """Let go of the connection."""
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None


async def _read(reader: asyncio.StreamReader, sent: Sent) -> Answered:
    head = await _head(reader, sent)
    while head.status == 100:
        head = await _head(reader, sent)
    if head.status in (101, 204, 304) or sent.method == "HEAD":
        return head
    if sent.is_open and head.status == 200:
        return head
    if "content-length" in head.headers:
        body = await reader.readexactly(int(head.headers["content-length"]))
    elif head.headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.read()
    return Answered(head.status, head.headers, body)


async def _head(reader: asyncio.StreamReader, sent: Sent) -> Answered:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        raise Hangs(f"closed without an answer ({error.partial!r}) to {sent}") from error
    first, *lines = text.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): text.strip() for name, _, text in pairs}
    if first.startswith("HTTP/1.0"):
        headers["connection"] = "close"
    return Answered(int(first.split()[1]), headers)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body
