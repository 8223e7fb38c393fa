"""Environments, pipelines and planes: ready, blocked, gone."""

from __future__ import annotations

from typing import Any

from choreo_local import clock
from choreo_local.controllers.environment import pipeline as pipelines
from choreo_local.controllers.environment import reconcile as environments
from choreo_local.controllers.plane import reconcile as planes
from choreo_local.tunnel.planes import PlaneConnection
from tests import builders

NOW = "2026-01-01T00:10:00Z"


def test_an_environment_is_ready_and_says_so_once() -> None:
    first = environments.reconcile(environments.Observed(builders.environment(), [], []))
    assert first.conditions[0].message == "Environment is ready"
    assert [event.reason for event in first.events] == ["EnvironmentReady"]
    known = {**builders.environment(), "status": {"conditions": [{"type": "Ready"}]}}
    assert environments.reconcile(environments.Observed(known, [], [])).events == ()


def test_an_environment_that_a_pipeline_names_is_not_deleted() -> None:
    going = builders.deleting(builders.environment(), "openchoreo.dev/environment-cleanup")

    blocked = environments.reconcile(environments.Observed(going, [builders.pipeline()], []))
    first = environments.reconcile(environments.Observed(going, [], [builders.release_binding()]))
    going["status"] = {"conditions": [{"type": "Ready", "reason": "EnvironmentFinalizing"}]}
    bound = environments.reconcile(environments.Observed(going, [], [builders.release_binding()]))
    done = environments.reconcile(environments.Observed(going, [], []))

    assert blocked.conditions[0].message == (
        'Deletion blocked: environment is referenced by DeploymentPipeline "default"'
    )
    assert [condition.reason for condition in first.conditions] == ["EnvironmentFinalizing"]
    assert [item.kind for item in bound.delete] == ["ReleaseBinding"]
    assert bound.remove_finalizer == ""
    assert done.remove_finalizer == "openchoreo.dev/environment-cleanup"


def test_a_pipeline_that_projects_use_is_not_deleted() -> None:
    finalizer = "openchoreo.dev/deployment-pipeline-cleanup"
    going = builders.deleting(builders.pipeline(), finalizer)

    blocked = pipelines.reconcile(pipelines.Observed(going, [builders.project()]))
    done = pipelines.reconcile(pipelines.Observed(going, []))

    assert blocked.conditions[0].message == (
        "Deletion blocked: deployment pipeline is still referenced by 1 project(s)"
    )
    assert done.remove_finalizer == finalizer


def observed(plane: dict[str, Any], agents: int | None, **more: Any) -> planes.Observed:
    connection = None if agents is None else PlaneConnection(agents)
    return planes.Observed(plane=plane, connection=connection, environments=[], now=NOW, **more)


def test_a_connected_plane_says_since_when_and_beats_once_a_minute() -> None:
    first = planes.reconcile(observed(builders.data_plane(), 1)).status["agentConnection"]
    assert (first["connected"], first["message"]) == (True, "1 agent connected")
    assert first["lastConnectedTime"] == first["lastHeartbeatTime"] == NOW

    beaten = {**first, "lastHeartbeatTime": "2026-01-01T00:09:30Z"}
    known = {**builders.data_plane(), "status": {"agentConnection": beaten}}
    assert planes.reconcile(observed(known, 1)).status["agentConnection"] == beaten


def test_a_lost_agent_is_dated() -> None:
    before = {"connected": True, "connectedAgents": 1, "message": "1 agent connected"}
    known = {**builders.data_plane(), "status": {"agentConnection": before}}
    connection = planes.reconcile(observed(known, 0)).status["agentConnection"]
    assert (connection["connected"], connection["message"]) == (False, "No agents connected")
    assert connection["lastDisconnectedTime"] == NOW


def test_a_refused_agent_is_named_with_the_reason() -> None:
    refused = PlaneConnection(0, problem="the agent at 10.0.0.7 was refused: it expired")
    seen = planes.Observed(
        plane=builders.data_plane(), connection=refused, environments=[], now=NOW
    )
    assert planes.reconcile(seen).status["agentConnection"]["message"] == (
        "No agents connected: the agent at 10.0.0.7 was refused: it expired"
    )


def test_the_heartbeat_of_an_agent_is_when_it_was_last_heard_of() -> None:
    heard = PlaneConnection(2, last_seen=clock.parse_timestamp("2026-01-01T00:09:59Z"))
    seen = planes.Observed(plane=builders.data_plane(), connection=heard, environments=[], now=NOW)
    connection = planes.reconcile(seen).status["agentConnection"]
    assert connection["lastHeartbeatTime"] == "2026-01-01T00:09:59Z"
    assert connection["message"] == "2 agents connected (HA mode)"


def test_an_agent_that_is_back_beats_at_once() -> None:
    before = {"connected": False, "connectedAgents": 0, "lastHeartbeatTime": "2026-01-01T00:09:50Z"}
    known = {**builders.data_plane(), "status": {"agentConnection": before}}
    connection = planes.reconcile(observed(known, 1)).status["agentConnection"]
    assert connection["lastConnectedTime"] == connection["lastHeartbeatTime"] == NOW


def test_nobody_who_can_tell_means_no_connection_in_the_status() -> None:
    assert "agentConnection" not in planes.reconcile(observed(builders.data_plane(), None)).status


def test_a_data_plane_in_use_is_not_deleted() -> None:
    plane = builders.obj("DataPlane", "default", {"clusterAgent": {}})
    going = builders.deleting(plane, "openchoreo.dev/dataplane-cleanup")
    blocked = planes.reconcile(
        planes.Observed(
            plane=going,
            connection=PlaneConnection(1),
            environments=[builders.environment()],
            now=NOW,
        )
    )
    assert blocked.conditions[0].message == (
        "Deletion blocked: dataplane is still referenced by 1 environment(s)"
    )
    assert planes.reconcile(observed(going, 1)).remove_finalizer
