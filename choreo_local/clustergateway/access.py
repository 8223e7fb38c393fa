"""The gateway's planes for another thread; implements `planes.Remote`."""

from __future__ import annotations

import asyncio

from choreo_local.clustergateway.gateway import ClusterGateway, Refusal
from choreo_local.clustergateway.transport import GatewayTransport, Where
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tunnel import planes
from choreo_local.tunnel.planes import PlaneConnection


class RemotePlanes:
    """Clients of connected planes; one a plane object, so that caches can tell them apart.

    Args:
        gateway: knows the agents.
        loop: where it lives.
        field_manager: of the clients.
    """

    def __init__(
        self, gateway: ClusterGateway, *, loop: asyncio.AbstractEventLoop, field_manager: str
    ) -> None:
        self._gateway = gateway
        self._loop = loop
        self._field_manager = field_manager
        self._clients: dict[Where, KubeClient] = {}

    def client(self, plane: str, plane_id: str, resource: str) -> KubeClient:
        """A client for a plane object; it need not be reachable."""
        where = Where(plane, plane_id, resource)
        if where not in self._clients:
            transport = GatewayTransport(self._gateway, loop=self._loop, where=where)
            self._clients[where] = KubeClient(transport, field_manager=self._field_manager)
        return self._clients[where]

    def connection(self, plane: str, plane_id: str, resource: str) -> PlaneConnection:
        """How a plane object's cluster can be reached now."""
        found = self._gateway.connections.of_resource(plane, plane_id, resource)
        refusal = self._gateway.refusals.get(planes.identifier(plane, plane_id))
        return PlaneConnection(
            agents=len(found),
            last_seen=max((each.last_seen for each in found), default=None),
            versions=tuple(sorted({each.agent.version or "unknown" for each in found})),
            problem="" if found else _problem(refusal, resource),
        )


def _problem(refusal: Refusal | None, resource: str) -> str:
    if refusal is None or resource not in refusal.objections:
        return ""
    return f"the agent at {refusal.remote} was refused: {refusal.objections[resource]}"
