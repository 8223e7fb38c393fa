"""Names of planes and of the objects that describe them; used by both ends and their callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TYPES = ("dataplane", "workflowplane", "observabilityplane")

# Stands for the namespace of a cluster-scoped object in paths.
CLUSTER = "_cluster"

# Headers of the WebSocket handshake by which our own ends know each other.
AGENT_VERSION = "X-Choreo-Agent"
AGENT_FEATURES = "X-Choreo-Features"
AGENT_PROCESS = "X-Choreo-Process"
FEATURES = "choreo.http/v1, choreo.websocket/v1"


@dataclass(frozen=True, slots=True)
class PlaneConnection:
    """How a plane object's cluster can be reached.

    Attributes:
        agents: how many connections serve it.
        last_seen: when one of its agents gave a sign of life; None when it needs no agent.
        versions: of its agents, as they say.
        problem: why nothing serves it, where that is known.
    """

    agents: int
    last_seen: datetime | None = None
    versions: tuple[str, ...] = ()
    problem: str = ""


def plane_type(kind: str) -> str:
    """`DataPlane` and `ClusterDataPlane` → `dataplane`."""
    return kind.removeprefix("Cluster").lower()


def identifier(plane: str, plane_id: str) -> str:
    """What a plane is called in messages, e.g. `dataplane/default`."""
    return f"{plane}/{plane_id}"


def plane_id(plane: Mapping[str, Any]) -> str:
    """The id of a plane object: what it says, else its name when it lies in a namespace."""
    found = (plane.get("spec") or {}).get("planeID")
    if not found and not plane["kind"].startswith("Cluster"):
        found = plane["metadata"]["name"]
    return str(found or "")


def resource_key(plane: Mapping[str, Any]) -> str:
    """The key of a plane object, `NAMESPACE/NAME`; `/NAME` when it is cluster-scoped."""
    metadata = plane["metadata"]
    return f"{metadata.get('namespace') or ''}/{metadata['name']}"
