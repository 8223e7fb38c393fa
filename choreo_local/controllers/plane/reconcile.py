"""A plane object → created, and whether its agent is connected. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.api.conditions import EventReason, PlaneReason
from choreo_local.api.conditions import PlaneCondition as Type
from choreo_local.controllers import references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Event, Outcome, met, unmet
from choreo_local.tunnel.planes import PlaneConnection

BLOCKED_WAIT = timedelta(seconds=30)
HEARTBEAT = timedelta(minutes=1)

_CREATED = {
    "DataPlane": (PlaneReason.DATA_PLANE_CREATED, "Dataplane is created"),
    "ClusterDataPlane": (PlaneReason.CLUSTER_DATA_PLANE_CREATED, "Dataplane is created"),
    "WorkflowPlane": (PlaneReason.WORKFLOW_PLANE_CREATED, "Workflowplane is created"),
    "ClusterWorkflowPlane": (
        PlaneReason.CLUSTER_WORKFLOW_PLANE_CREATED,
        "Workflowplane is created",
    ),
    "ObservabilityPlane": (
        PlaneReason.OBSERVABILITY_PLANE_CREATED,
        "Observabilityplane is created",
    ),
    "ClusterObservabilityPlane": (
        PlaneReason.CLUSTER_OBSERVABILITY_PLANE_CREATED,
        "Observabilityplane is created",
    ),
}


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        connection: how the plane is reached; None when nobody can tell.
        environments: those that lie on the plane.
        now: the time of this look, as in a manifest.
    """

    plane: Manifest
    connection: PlaneConnection | None
    environments: Sequence[Manifest]
    now: str


def reconcile(observed: Observed) -> Outcome:
    """Say that the plane is there, and who connects us with it."""
    plane = observed.plane
    finalizer = registry.KINDS[plane["kind"]].finalizers[0]
    if references.is_deleting(plane):
        return _finalize(observed, finalizer)
    reason, message = _CREATED[plane["kind"]]
    first = not (plane.get("status") or {}).get("conditions")
    name = plane["metadata"]["name"]
    complete = Event(EventReason.RECONCILE_COMPLETE, f"Reconciled {plane['kind']} {name}")
    status: dict[str, Any] = {"observedGeneration": plane["metadata"].get("generation", 0)}
    if observed.connection is not None:
        status["agentConnection"] = _agent_connection(observed, observed.connection)
    return Outcome(
        add_finalizer=references.missing_finalizer(plane, finalizer),
        status=status,
        conditions=(met(Type.CREATED, reason, message),),
        events=(complete,) if first else (),
        requeue_after=HEARTBEAT,
    )


def _agent_connection(observed: Observed, found: PlaneConnection) -> dict[str, Any]:
    before = (observed.plane.get("status") or {}).get("agentConnection") or {}
    connected = found.agents > 0
    connection: dict[str, Any] = {
        **before,
        "connected": connected,
        "connectedAgents": found.agents,
        "message": _message(found),
    }
    beat = observed.now if found.last_seen is None else clock.timestamp(found.last_seen)
    came = connected and not before.get("connected")
    if came or (connected and _is_due(before.get("lastHeartbeatTime"), beat)):
        connection["lastHeartbeatTime"] = beat
    if came:
        connection["lastConnectedTime"] = observed.now
    if not connected and before.get("connected"):
        connection["lastDisconnectedTime"] = observed.now
    return connection


def _is_due(last: str | None, now: str) -> bool:
    # Each write wakes the plane again: a beat for every look would never end.
    if last is None:
        return True
    age = clock.parse_timestamp(now) - clock.parse_timestamp(last)
    return age >= HEARTBEAT - timedelta(seconds=5)


def _message(found: PlaneConnection) -> str:
    if found.agents == 0:
        return f"No agents connected: {found.problem}" if found.problem else "No agents connected"
    if found.agents == 1:
        return "1 agent connected"
    return f"{found.agents} agents connected (HA mode)"


def _finalize(observed: Observed, finalizer: str) -> Outcome:
    plane = observed.plane
    if finalizer not in references.finalizers(plane):
        return Outcome()
    if plane["kind"] != "DataPlane":
        return Outcome(remove_finalizer=finalizer)
    if observed.environments:
        count = len(observed.environments)
        message = f"Deletion blocked: dataplane is still referenced by {count} environment(s)"
        return Outcome(
            conditions=(unmet(Type.FINALIZING, PlaneReason.DELETION_BLOCKED, message),),
            requeue_after=BLOCKED_WAIT,
        )
    return Outcome(
        conditions=(
            met(Type.FINALIZING, PlaneReason.DATA_PLANE_FINALIZING, "Dataplane is finalizing"),
        ),
        remove_finalizer=labels.DATA_PLANE_FINALIZER,
    )
