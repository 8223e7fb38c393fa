"""What `choreo status` says of planes: which there are, and whether each can be reached now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.planes import PlaneConnection, Remote, plane_id, plane_type, resource_key

Entry = dict[str, Any]
Manifest = Mapping[str, Any]

# The planes in this process: their kind, namespace, and what they lack.
_LOCAL = (
    ("DataPlane", labels.DATA_PLANE_NAMESPACE, ""),
    ("WorkflowPlane", labels.WORKFLOW_PLANE_NAMESPACE, "no workflow engine in this version"),
    ("ObservabilityPlane", labels.OBSERVABILITY_PLANE_NAMESPACE, "no observer in this version"),
)
_KINDS = (
    registry.DATA_PLANE,
    registry.CLUSTER_DATA_PLANE,
    registry.WORKFLOW_PLANE,
    registry.CLUSTER_WORKFLOW_PLANE,
    registry.OBSERVABILITY_PLANE,
    registry.CLUSTER_OBSERVABILITY_PLANE,
)
_ANSWER_SECONDS = 5.0


class PlaneFacts:
    """Asks every plane.

    Args:
        control: the control plane, as itself.
        local: kind → the local plane of that kind, as itself.
        remote: planes that agents connect us with.
    """

    def __init__(
        self, control: KubeAccess, *, local: Mapping[str, KubeAccess], remote: Remote
    ) -> None:
        self._control = control
        self._local = local
        self._remote = remote

    async def all(self) -> list[Entry]:
        """The control plane, the local planes, then those that plane objects speak of."""
        asked = [self._control, *(self._local[kind] for kind, _, _ in _LOCAL)]
        problems, elsewhere = await asyncio.gather(
            asyncio.gather(*(_problem(access) for access in asked)), self._elsewhere()
        )
        control = _entry("control", labels.CONTROL_PLANE_NAMESPACE, problems[0])
        local = [
            _entry(_name(kind), namespace, problem, lacks)
            for (kind, namespace, lacks), problem in zip(_LOCAL, problems[1:], strict=True)
        ]
        return [control, *local, *elsewhere]

    async def _elsewhere(self) -> list[Entry]:
        """The planes that are not in this process; none when the objects cannot be read."""
        try:
            objects = await self._objects()
        except (ApiError, UnreachableError):
            # The entry of the control plane says why.
            return []
        found: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
        for obj in objects:
            if plane_id(obj) != labels.DEFAULT:
                found[plane_type(obj["kind"]), plane_id(obj)].append(obj)
        return [self._remote_entry(key, found[key]) for key in sorted(found)]

    async def _objects(self) -> list[Manifest]:
        client = self._control.client()
        try:
            lists = await asyncio.gather(*(client.list(kind) for kind in _KINDS))
        finally:
            await client.close()
        return [obj for found in lists for obj in found.items]

    def _remote_entry(self, key: tuple[str, str], objects: Sequence[Manifest]) -> Entry:
        plane, identifier = key
        by_object = {
            f"{obj['kind']} {resource_key(obj).lstrip('/')}": self._remote.connection(
                plane, identifier, resource_key(obj)
            )
            for obj in objects
        }
        name = f"{plane.removesuffix('plane')}/{identifier}"
        agents = max(found.agents for found in by_object.values())
        return {
            **_entry(name, _namespace(plane), _why_not(by_object)),
            "connected": agents > 0,
            "agents": agents,
            "versions": sorted({each for found in by_object.values() for each in found.versions}),
            "lastHeartbeat": _last_seen(by_object.values()),
            "objects": sorted(by_object),
        }


async def _problem(access: KubeAccess) -> str:
    """Why a kube API does not answer; empty when it does."""
    client = access.client()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await client.request_json("GET", "/version")
    except TimeoutError:
        return f"its kube API gives no answer within {_ANSWER_SECONDS:.0f} s"
    except (ApiError, UnreachableError) as error:
        return error.message
    finally:
        await client.close()
    return ""


def _entry(name: str, namespace: str, problem: str, lacks: str = "") -> Entry:
    return {
        "plane": name,
        "namespace": namespace,
        "connected": not problem,
        "message": problem or lacks,
    }


def _name(kind: str) -> str:
    return plane_type(kind).removesuffix("plane")


def _namespace(plane: str) -> str:
    return next(namespace for kind, namespace, _ in _LOCAL if plane_type(kind) == plane)


def _why_not(by_object: Mapping[str, PlaneConnection]) -> str:
    """Why some of the objects of a plane reach no agent; empty when all do."""
    lost = {name: found for name, found in by_object.items() if not found.agents}
    reasons = {found.problem or "no agent is connected" for found in lost.values()}
    if len(lost) < len(by_object):
        return "; ".join(
            f"{name}: {found.problem}" for name, found in lost.items() if found.problem
        )
    return "; ".join(sorted(reasons))


def _last_seen(connections: Any) -> str:
    seen = [found.last_seen for found in connections if found.last_seen is not None]
    return clock.timestamp(max(seen)) if seen else ""
