"""Which planes can be reached."""

from __future__ import annotations

import pytest

from choreo_local import planes
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport
from choreo_local.planes import PlaneClients


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
