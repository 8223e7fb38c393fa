"""The endpoint for agents: listens, and makes a socket of each connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from choreo_local.clustergateway.agentsocket import AgentSocket, Heartbeat
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.clustergateway.tls import server_context
from choreo_local.tasks import TaskGroup


class AgentEndpoint:
    """Serves agents on a listening socket.

    Args:
        gateway: decides about agents.
        certificate: file of the server's certificate chain.
        key: file of its key.
        heartbeat: for connected agents.
    """

    def __init__(
        self,
        gateway: ClusterGateway,
        *,
        certificate: Path,
        key: Path,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._gateway = gateway
        self._files = certificate, key
        self._heartbeat = heartbeat or Heartbeat()
        self._tasks = TaskGroup("agents")
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve from now on."""
        context = server_context(*self._files)

        def connected() -> AgentSocket:
            return AgentSocket(
                context, greet=self._gateway.greet, tasks=self._tasks, heartbeat=self._heartbeat
            )

        factory: Callable[[], asyncio.Protocol] = connected
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(factory, sock=listening)

    async def stop(self) -> None:
        """Listen no more; the gateway closes what is connected."""
        if self._server is not None:
            self._server.close()
        await self._tasks.stop()
