"""Serves the registry on a port that was taken before; its code is loaded at the first request."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from choreo_local.images.library import ImageLibrary

if TYPE_CHECKING:
    from aiohttp import web

    from choreo_local.images.registry.app import RegistryApp

logger = logging.getLogger(__name__)

# The port of the registry of upstream's local installations, and the name by which their builds
# and clusters call it.
PORT, HOST_NAME = 10082, "host.k3d.internal"


def own_names(port: int) -> dict[str, str]:
    """How references may call the instance's registry, and where it is."""
    url = f"http://127.0.0.1:{port}"
    names = {f"{host}:{port}" for host in ("localhost", "127.0.0.1", HOST_NAME)}
    return dict.fromkeys({*names, f"{HOST_NAME}:{PORT}"}, url)


class RegistryServer:
    """The registry of an instance.

    Args:
        listening: a socket that listens already.
        folder: of its repositories.
    """

    def __init__(self, listening: socket.socket, library: ImageLibrary, folder: Path) -> None:
        self._socket = listening
        self._library = library
        self._folder = folder
        self._app: RegistryApp | None = None
        self._runner: web.ServerRunner | web.AppRunner | None = None
        self._waking: asyncio.Task[Any] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Wait for the first caller."""
        self._socket.setblocking(False)  # noqa: FBT003 - the socket module's own form
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._wake)

    def _wake(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._waking = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        from aiohttp import web  # in most lives of an instance nobody calls

        from choreo_local.images.registry.app import RegistryApp

        self._library.folders.prepare()
        self._app = RegistryApp(self._library, self._folder, names=frozenset({HOST_NAME}))
        server = web.Application()
        server.router.add_route("*", "/{path:.*}", self._app.serve)
        self._runner = web.AppRunner(server, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        logger.info("Registry serves port=%s", self.port)

    async def stop(self) -> None:
        """Answer no more."""
        if self._waking is None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
        else:
            await asyncio.wait({self._waking})
        if self._runner is not None:
            await self._runner.cleanup()
        if self._app is not None:
            self._app.close()
        self._socket.close()
