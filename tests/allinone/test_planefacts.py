"""What the status says of planes: here, elsewhere, gone."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from choreo_local import clock, pki
from choreo_local.allinone import bundles
from choreo_local.allinone.planefacts import PlaneFacts
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneConnection
from tests.clustergateway import harness

SEEN = clock.parse_timestamp("2026-01-01T00:00:00Z")


@dataclass(slots=True)
class Known:
    """Planes elsewhere, as they are said to be."""

    found: dict[str, PlaneConnection] = field(default_factory=dict)

    def client(self, plane: str, plane_id: str, resource: str) -> KubeClient:
        raise AssertionError("nobody is asked")

    def connection(self, plane: str, plane_id: str, resource: str) -> PlaneConnection:
        del plane_id
        return self.found.get(f"{plane} {resource}", PlaneConnection(0))


@asynccontextmanager
async def control_plane() -> AsyncIterator[tuple[SocketAccess, KubeClient]]:
    async with harness.kube_socket() as path:
        access = SocketAccess(path, "")
        client = access.client()
        try:
            await harness.apply_plane_kinds(client)
            yield access, client
        finally:
            await client.close()


NOWHERE = SocketAccess(Path(tempfile.gettempdir()) / "there-is-no-such.sock", "")


def facts(here: SocketAccess, known: Known) -> PlaneFacts:
    local = {"DataPlane": here, "WorkflowPlane": here, "ObservabilityPlane": NOWHERE}
    return PlaneFacts(here, local=local, remote=known)


async def test_planes_here_are_asked() -> None:
    async with control_plane() as (access, _):
        found = await facts(access, Known()).all()
    assert [entry["plane"] for entry in found] == ["control", "data", "workflow", "observability"]
    assert [entry["connected"] for entry in found] == [True, True, True, False]
    assert found[1]["message"] == ""
    assert found[3]["message"].startswith("cannot reach the Kubernetes API at ")


async def test_planes_elsewhere_are_those_of_the_plane_objects() -> None:
    authority = pki.create_authority("plane")
    cluster = harness.data_plane("far", authority, plane_id="prod")
    cluster["kind"] = "ClusterDataPlane"
    del cluster["metadata"]["namespace"]
    known = Known({"dataplane /far": PlaneConnection(2, SEEN, ("0.1.0",))})
    async with control_plane() as (access, client):
        await bundles.apply(
            client,
            [
                harness.data_plane("default", authority),
                harness.data_plane("prod", authority),
                harness.data_plane("lost", authority),
                cluster,
            ],
        )
        *_, lost, prod = await facts(access, known).all()
    assert (lost["plane"], lost["connected"], lost["message"]) == (
        "data/lost",
        False,
        "no agent is connected",
    )
    assert prod == {
        "plane": "data/prod",
        "namespace": "openchoreo-data-plane",
        "connected": True,
        "message": "",
        "agents": 2,
        "versions": ["0.1.0"],
        "lastHeartbeat": "2026-01-01T00:00:00Z",
        "objects": ["ClusterDataPlane far", "DataPlane default/prod"],
    }


async def test_why_an_agent_was_refused_is_said() -> None:
    authority = pki.create_authority("plane")
    refused = PlaneConnection(0, problem="the agent at 10.0.0.7 was refused: it expired")
    known = Known(
        {"dataplane default/prod": refused, "dataplane default/other": PlaneConnection(1, SEEN)}
    )
    async with control_plane() as (access, client):
        await bundles.apply(client, [harness.data_plane("prod", authority)])
        *_, alone = await facts(access, known).all()
        await bundles.apply(client, [harness.data_plane("other", authority, plane_id="prod")])
        *_, both = await facts(access, known).all()
    assert (alone["connected"], alone["message"]) == (False, refused.problem)
    assert (both["connected"], both["message"]) == (
        True,
        f"DataPlane default/prod: {refused.problem}",
    )


async def test_a_control_plane_that_is_gone_is_said_and_nothing_else() -> None:
    local = dict.fromkeys(("DataPlane", "WorkflowPlane", "ObservabilityPlane"), NOWHERE)
    found = await PlaneFacts(NOWHERE, local=local, remote=Known()).all()
    assert len(found) == 4
    assert not any(entry["connected"] for entry in found)
