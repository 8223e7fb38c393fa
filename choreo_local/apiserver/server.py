"""Runs the app in a given loop, on a socket that the composition root opened."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from choreo_local.errors import InternalError

# Streams to dashboards never end by themselves; this is how long a stop waits for them.
_GRACE_SECONDS = 1
_LONGEST_MESSAGE = 1024 * 1024


class _Server(uvicorn.Server):
    """uvicorn, which leaves the signals to the process that it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves `app` on `sock`, which it closes in the end."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="none",
            http="httptools",
            ws="auto",
            ws_max_size=_LONGEST_MESSAGE,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Server(config)
        # Connections inherit it; asyncio alone sets it only on sockets made for TCP by name, and
        # without it the second packet of an answer waits 40 ms for an acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are answered."""
        self._task = asyncio.create_task(
            self._server.serve(sockets=[self._socket]), name="api server"
        )
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise InternalError("cannot serve the API: the server ended while starting")
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Let requests end, then close everything."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
