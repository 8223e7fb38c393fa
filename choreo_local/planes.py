"""Plane kind and id → the client of that plane.

A plane is reached under its id, not under the name of the object that describes it: several objects
may speak of one plane. In one process the clients are local; planes behind the cluster gateway are
reached through their agents, for those plane objects only that trust them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tunnel.planes import PlaneConnection, plane_id, plane_type, resource_key

__all__ = ["PlaneClients", "PlaneConnection", "Remote", "plane_id", "plane_type", "resource_key"]


class Remote(Protocol):
    """Planes that agents connect us with; `clustergateway.access.RemotePlanes` is one."""

    def client(self, plane: str, plane_id: str, resource: str) -> KubeClient:
        """A client for a plane object; it need not be reachable."""

    def connection(self, plane: str, plane_id: str, resource: str) -> PlaneConnection:
        """How a plane object's cluster can be reached now."""


class PlaneClients:
    """The planes that can be reached now.

    Args:
        remote: those that agents connect us with; None when there is no gateway.
    """

    def __init__(self, remote: Remote | None = None) -> None:
        self._clients: dict[tuple[str, str], KubeClient] = {}
        self._remote = remote

    def connect(self, kind: str, plane_id: str, client: KubeClient) -> None:
        """From now on the plane is reached through `client`, whichever object speaks of it."""
        self._clients[plane_type(kind), plane_id] = client

    def disconnect(self, kind: str, plane_id: str) -> None:
        """The plane cannot be reached any more."""
        self._clients.pop((plane_type(kind), plane_id), None)

    def client(self, kind: str, plane_id: str, resource: str = "") -> KubeClient:
        """The client of a plane; UnreachableError when nothing connects us with it.

        Args:
            kind: of the plane object, e.g. DataPlane.
            plane_id: what its agents call it.
            resource: the key of the plane object; agents serve only those that trust them.
        """
        plane = plane_type(kind)
        local = self._clients.get((plane, plane_id))
        if local is not None:
            return local
        found = self.connection(kind, plane_id, resource)
        if self._remote is None or not found.agents:
            raise _not_connected(kind, plane_id, found)
        return self._remote.client(plane, plane_id, resource)

    def of(self, plane: Mapping[str, Any]) -> KubeClient:
        """The client of a plane object; UnreachableError when nothing connects us with it."""
        return self.client(plane["kind"], plane_id(plane), resource_key(plane))

    def connection(self, kind: str, plane_id: str, resource: str = "") -> PlaneConnection:
        """How a plane can be reached now."""
        if (plane_type(kind), plane_id) in self._clients:
            return PlaneConnection(1)
        if self._remote is None:
            return PlaneConnection(0)
        return self._remote.connection(plane_type(kind), plane_id, resource)

    def agents(self, kind: str, plane_id: str, resource: str = "") -> int:
        """How many connections reach a plane."""
        return self.connection(kind, plane_id, resource).agents


def _not_connected(kind: str, plane_id: str, found: PlaneConnection) -> UnreachableError:
    reason = found.problem or "no agent of that plane is connected"
    return UnreachableError(
        f'cannot reach {kind} "{plane_id}": {reason}',
        remedy="Start its agent, or use the plane with planeID default, which is local",
    )
