"""What wakes a plane object, and where its reads come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.controllers import references
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.plane.reconcile import Observed, reconcile
from choreo_local.controllers.runtime import Controller
from choreo_local.tunnel.planes import PlaneConnection

# How a plane is reached, by agents or in this process; None when nobody can tell.
Connections = Callable[[PlaneReference], PlaneConnection | None]

_KINDS = (
    registry.DATA_PLANE,
    registry.CLUSTER_DATA_PLANE,
    registry.WORKFLOW_PLANE,
    registry.CLUSTER_WORKFLOW_PLANE,
    registry.OBSERVABILITY_PLANE,
    registry.CLUSTER_OBSERVABILITY_PLANE,
)


def controllers(connection: Connections) -> list[Controller[Observed]]:
    """One controller for each of the six plane kinds."""

    async def gather(watched: Watched, live: Live, plane: Manifest) -> Observed:
        del live
        return Observed(
            plane=plane,
            connection=connection(references.reference_to(plane)),
            environments=_environments(watched, plane),
            now=clock.timestamp(),
        )

    return [
        Controller(
            kind=kind,
            gather=gather,
            reconcile=reconcile,
            field_manager=f"{kind.kind.lower()}-controller",
            wakes={"Environment": _wake_data_plane} if kind is registry.DATA_PLANE else {},
        )
        for kind in _KINDS
    ]


def _data_plane_name(environment: Manifest) -> str | None:
    reference = (environment.get("spec") or {}).get("dataPlaneRef")
    if not reference:
        return labels.DEFAULT
    return reference["name"] if reference["kind"] == "DataPlane" else None


def _environments(watched: Watched, plane: Manifest) -> list[Manifest]:
    if plane["kind"] != "DataPlane":
        return []
    metadata = plane["metadata"]
    return [
        environment
        for environment in watched.list("Environment", metadata["namespace"])
        if _data_plane_name(environment) == metadata["name"]
    ]


def _wake_data_plane(watched: Watched, environment: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    name = _data_plane_name(environment)
    return [(environment["metadata"]["namespace"], name)] if name else []
