"""Serves the registry on a port that was taken before; its code is loaded at the first request."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from choreo_local.images.registry.names import HOST_NAME

if TYPE_CHECKING:
    from aiohttp import web

    from choreo_local.images.library import ImageLibrary
    from choreo_local.images.registry.app import RegistryApp

logger = logging.getLogger(__name__)


class RegistryServer:
    """The registry of an instance.

    Args:
        listening: a socket that listens already.
        further: others that do, with the network from which callers come to each.
        open_library: opens the store of its contents.
        folder: of its repositories.
    """

    def __init__(
        self,
        listening: socket.socket,
        open_library: Callable[[], ImageLibrary],
        folder: Path,
        *,
        further: Sequence[tuple[socket.socket, IPv4Network]] = (),
    ) -> None:
        self._socket = listening
        self._sockets = [listening, *(sock for sock, _ in further)]
        self._neighbours = [network for _, network in further]
        self._open_library = open_library
        self._folder = folder
        self._app: RegistryApp | None = None
        self._runner: web.ServerRunner | None = None
        self._waking: asyncio.Task[Any] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Wait for the first caller."""
        for sock in self._sockets:
            sock.setblocking(False)  # noqa: FBT003 - the socket module's own form
            asyncio.get_running_loop().add_reader(sock.fileno(), self._wake)

    def _sleep_no_more(self) -> None:
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())

    def _wake(self) -> None:
        self._sleep_no_more()
        self._waking = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        from aiohttp import web  # in most lives of an instance nobody calls

        from choreo_local.images.registry.app import RegistryApp

        library = self._open_library()
        library.folders.prepare()
        self._app = RegistryApp(
            library, self._folder, names=frozenset({HOST_NAME}), neighbours=self._neighbours
        )
        server = web.Server(self._app.serve, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=2.0)
        await self._runner.setup()
        for sock in self._sockets:
            await web.SockSite(self._runner, sock).start()
        logger.info("Registry serves port=%s", self.port)

    async def stop(self) -> None:
        """Answer no more."""
        if self._waking is None:
            self._sleep_no_more()
        else:
            await asyncio.wait({self._waking})
        if self._runner is not None:
            await self._runner.cleanup()
        if self._app is not None:
            self._app.close()
        for sock in self._sockets:
            sock.close()
