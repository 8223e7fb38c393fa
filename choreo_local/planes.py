"""Plane kind and id → the client of that plane.

A plane is reached under its id, not under the name of the object that describes it: several objects
may speak of one plane. In one process the clients are local; planes behind the cluster gateway join
the same table when their agents connect.
"""

from __future__ import annotations

from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient


def plane_type(kind: str) -> str:
    """`DataPlane` and `ClusterDataPlane` → `dataplane`."""
    return kind.removeprefix("Cluster").lower()


class PlaneClients:
    """The planes that can be reached now."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], KubeClient] = {}

    def connect(self, kind: str, plane_id: str, client: KubeClient) -> None:
        """From now on the plane is reached through `client`."""
        self._clients[plane_type(kind), plane_id] = client

    def disconnect(self, kind: str, plane_id: str) -> None:
        """The plane cannot be reached any more."""
        self._clients.pop((plane_type(kind), plane_id), None)

    def client(self, kind: str, plane_id: str) -> KubeClient:
        """The client of a plane; UnreachableError when nothing connects us with it."""
        try:
            return self._clients[plane_type(kind), plane_id]
        except KeyError:
            raise UnreachableError(
                f'cannot reach {kind} "{plane_id}": no agent of that plane is connected',
                remedy="Start its agent, or use the plane with planeID default, which is local",
            ) from None

    def agents(self, kind: str, plane_id: str) -> int:
        """How many connections reach a plane."""
        return 1 if (plane_type(kind), plane_id) in self._clients else 0
