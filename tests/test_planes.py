"""Which planes can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local import planes
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport
from choreo_local.planes import PlaneClients, PlaneConnection


def client() -> KubeClient:
    """A client that is never used."""
    return KubeClient(AiohttpTransport("http://nowhere"))


def test_cluster_scoped_planes_are_of_the_same_type() -> None:
    assert planes.plane_type("DataPlane") == planes.plane_type("ClusterDataPlane") == "dataplane"


def test_a_connected_plane_is_reached_by_its_id_under_either_kind() -> None:
    first, second = client(), client()
    table = PlaneClients()
    table.connect("DataPlane", "default", first)
    table.connect("ClusterWorkflowPlane", "default", second)

    assert table.client("ClusterDataPlane", "default") is first
    assert table.client("WorkflowPlane", "default") is second
    assert table.agents("DataPlane", "default") == 1
    assert table.agents("DataPlane", "other") == 0


def test_a_plane_that_is_not_connected_is_named_with_what_to_do() -> None:
    table = PlaneClients()
    table.connect("DataPlane", "default", client())
    table.disconnect("ClusterDataPlane", "default")
    table.disconnect("ClusterDataPlane", "default")

    with pytest.raises(UnreachableError, match='cannot reach DataPlane "default"') as caught:
        table.client("DataPlane", "default")
    assert caught.value.remedy


def test_the_newest_connection_of_a_plane_counts() -> None:
    old, new = client(), client()
    table = PlaneClients()
    table.connect("DataPlane", "default", old)
    table.connect("DataPlane", "default", new)

    assert table.client("DataPlane", "default") is new


class Elsewhere:
    """Planes that agents connect us with."""

    def __init__(self, reached: KubeClient) -> None:
        self._reached = reached

    def client(self, plane: str, plane_id: str, resource: str) -> KubeClient:
        assert (plane, plane_id, resource) == ("dataplane", "prod", "default/prod")
        return self._reached

    def connection(self, plane: str, plane_id: str, resource: str) -> PlaneConnection:
        if resource == "default/prod":
            return PlaneConnection(2)
        if resource == "default/refused":
            return PlaneConnection(0, problem="the agent was refused: it expired")
        return PlaneConnection(0)


def data_plane(name: str, *, plane_id: str = "") -> dict[str, Any]:
    spec = {"planeID": plane_id} if plane_id else {}
    return {
        "kind": "DataPlane",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def test_planes_elsewhere_are_reached_for_the_objects_that_trust_their_agents() -> None:
    reached = client()
    table = PlaneClients(Elsewhere(reached))

    assert table.of(data_plane("prod")) is reached
    assert table.agents("DataPlane", "prod", "default/prod") == 2
    with pytest.raises(UnreachableError, match="no agent of that plane is connected"):
        table.of(data_plane("stranger", plane_id="prod"))
    with pytest.raises(UnreachableError, match="the agent was refused: it expired"):
        table.of(data_plane("refused", plane_id="prod"))


def test_a_plane_in_this_process_needs_no_agent() -> None:
    local = client()
    table = PlaneClients(Elsewhere(client()))
    table.connect("DataPlane", "prod", local)
    assert table.of(data_plane("stranger", plane_id="prod")) is local
