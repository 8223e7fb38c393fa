"""A line to the kube API that loses answers, refuses writes and breaks; used by the chaos test.

What a healthy server never sends must come from somewhere: connections are cut in a proxy between
two sockets, single requests fail in the transport of the controllers' clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import Query, Response, StreamedResponse, Transport

_CHUNK = 1 << 16
_CONFLICT = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "Conflict",
    "message": "the object has been modified",
    "code": 409,
}
_BROKEN = {**_CONFLICT, "reason": "InternalError", "message": "out of order", "code": 500}


class FrayedLine:
    """Implements `harness.Line`.

    Attributes:
        faults: the share of the controllers' requests that fail, in each of four ways.
    """

    def __init__(self, random: Random) -> None:
        self.faults = 0.0
        self._random = random
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._far = ""

    async def open(self, access: SocketAccess) -> SocketAccess:
        """Lay the line; the answer leads through it."""
        self._far = str(access.socket)
        near = access.socket.with_name("line.sock")
        self._server = await asyncio.start_unix_server(self._carry, near)
        return _FrayedAccess(near, access.token, self)

    async def close(self) -> None:
        """Take it away."""
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection, watches and half-read answers included."""
        for writer in list(self._writers):
            writer.transport.abort()

    def fails(self) -> bool:
        """Whether something goes wrong now."""
        return self._random.random() < self.faults

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._far)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@dataclass(frozen=True, slots=True)
class _FrayedAccess(SocketAccess):
    """Leads clients through the line."""

    line: FrayedLine

    def client(self, *, field_manager: str = "choreo") -> KubeClient:
        client = SocketAccess(self.socket, self.token).client(field_manager=field_manager)
        client.transport = _FrayedTransport(client.transport, self.line)
        return client


class _FrayedTransport:
    """Implements `transport.Transport`."""

    def __init__(self, sound: Transport, line: FrayedLine) -> None:
        self._sound = sound
        self._line = line

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
        """Maybe an exchange."""
        if method != "GET" and self._line.fails():
            return Response(409, orjson.dumps(_CONFLICT))
        if self._line.fails():
            return Response(500, orjson.dumps(_BROKEN))
        if self._line.fails():
            raise UnreachableError("the request is lost")
        answer = await self._sound.request(
            method,
            path,
            query=query,
            headers=headers,
            body=body,
            timeout_seconds=timeout_seconds,
        )
        if self._line.fails():
            raise UnreachableError("the answer is lost")
        return answer

    def stream(
        self, method: str, path: str, **more: Any
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Streams break when the line is cut."""
        return self._sound.stream(method, path, **more)

    def websocket(self, path: str, **more: Any) -> AbstractAsyncContextManager[Any]:
        """Nothing of ours opens one."""
        return self._sound.websocket(path, **more)

    async def close(self) -> None:
        """Close the connections."""
        await self._sound.close()
