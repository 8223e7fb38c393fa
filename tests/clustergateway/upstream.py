"""An agent that knows upstream's protocol and nothing of ours: frames written and read by hand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from choreo_local import pki
from choreo_local.kubeclient.transport import Transport
from tests.clustergateway.harness import Site

Frame = dict[str, Any]


class UpstreamAgent:
    """Answers requests from a kube API, and plays commands in containers.

    Args:
        backend: the kube API.
        command: what a command answers to each piece of its input.
    """

    def __init__(self, backend: Transport, command: Callable[[bytes], bytes]) -> None:
        self.seen: list[Frame] = []
        self._backend = backend
        self._command = command
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, socket: ClientConnection) -> None:
        async for text in socket:
            assert isinstance(text, str), "only text frames are of the protocol"
            frame = json.loads(text)
            self.seen.append(frame)
            if frame.get("isUpgrade"):
                await self._send(socket, frame["requestID"], b"\x01")
            elif frame.get("data") is not None or frame.get("isClose"):
                await self._piece(socket, frame)
            else:
                task = asyncio.create_task(self._answer(socket, frame))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, socket: ClientConnection, frame: Frame) -> None:
        pairs = [pair.partition("=") for pair in frame.get("query", "").split("&") if pair]
        found = await self._backend.request(
            frame["method"],
            frame["path"],
            query=[(name, value) for name, _, value in pairs],
            headers={name: values[0] for name, values in frame.get("headers", {}).items()},
            body=base64.b64decode(frame["body"]) if "body" in frame else None,
        )
        answer = {
            "requestID": frame["requestID"],
            "statusCode": found.status,
            "headers": {"Content-Type": ["application/json"]},
            "body": base64.b64encode(found.body).decode(),
        }
        await socket.send(json.dumps(answer))

    async def _piece(self, socket: ClientConnection, frame: Frame) -> None:
        if frame.get("isClose"):
            return
        data = base64.b64decode(frame["data"])
        if data == b"\x00":
            end = {"requestID": frame["requestID"], "data": None, "isClose": True}
            await socket.send(json.dumps(end))
        elif data[:1] == b"\x00":
            await self._send(socket, frame["requestID"], b"\x01" + self._command(data[1:]))

    async def _send(self, socket: ClientConnection, request_id: str, data: bytes) -> None:
        chunk = {"requestID": request_id, "data": base64.b64encode(data).decode()}
        await socket.send(json.dumps(chunk))


@asynccontextmanager
async def connected(
    site: Site, identity: pki.Identity, agent: UpstreamAgent, *, plane_id: str
) -> AsyncIterator[ClientConnection]:
    """A connection of such an agent."""
    context = site.credentials(identity, "upstream").context()
    url = f"wss://localhost:{site.port}/ws?planeType=dataplane&planeID={plane_id}"
    async with connect(url, ssl=context, compression=None, ping_interval=None) as socket:
        running = asyncio.create_task(agent.run(socket))
        try:
            yield socket
        finally:
            running.cancel()
