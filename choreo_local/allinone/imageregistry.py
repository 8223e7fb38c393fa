"""The instance's own registry of images, in a thread of its own: a push keeps nothing waiting."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from choreo_local.clusters.driver import NodeNetwork
from choreo_local.errors import PreflightError
from choreo_local.images.registry.server import RegistryServer
from choreo_local.paths import InstancePaths
from choreo_local.threads import LoopThread

if TYPE_CHECKING:
    from choreo_local.images.library import ImageLibrary

PURPOSE = "registry"
_SECONDS = 20


class ImageRegistry:
    """Serves the distribution API.

    Args:
        paths: of the instance.
        sock: a listening socket.
        nodes: where the nodes of a cluster call it, too.
    """

    def __init__(
        self, paths: InstancePaths, sock: socket.socket, nodes: NodeNetwork | None = None
    ) -> None:
        self._paths = paths
        further = [(_beside(sock, nodes.address), nodes.range)] if nodes else []
        self._server = RegistryServer(sock, self._library, paths.registry, further=further)
        self._thread = LoopThread("registry")

    def _library(self) -> ImageLibrary:
        from choreo_local.images import configured  # most starts need none of it

        return configured.open_library(self._paths)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        self._thread.call(self._server.start(), timeout=_SECONDS)

    def stop(self) -> None:
        """Answer no more."""
        try:
            self._thread.call(self._server.stop(), timeout=_SECONDS)
        finally:
            self._thread.stop()


def _beside(sock: socket.socket, address: str) -> socket.socket:
    """The same port on another address of this machine."""
    port = sock.getsockname()[1]
    try:
        return socket.create_server((address, port))
    except OSError as error:
        raise PreflightError(
            f"the nodes of the cluster cannot be given the registry: {address}:{port} cannot be "
            f"listened on: {error}",
            remedy="See who has the port: ss -ltnp",
        ) from error
