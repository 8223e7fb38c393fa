"""What wakes a RenderedRelease, and where its reads come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.controllers import identity, references, tracking
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.renderedrelease.reconcile import (
    FIELD_MANAGER,
    Observed,
    desired,
    is_of_observability,
    reconcile,
)
from choreo_local.controllers.runtime import Controller
from choreo_local.errors import UnreachableError

# Searched on data planes for left-overs even when the status of a release does not name them.
_WELL_KNOWN = (
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
)

_WELL_KNOWN_RULES = ((labels.API_VERSION, "ObservabilityAlertRule"),)


async def gather(watched: Watched, live: Live, release: Manifest) -> Observed:
    """Resolve the plane and read what is live there."""
    plane, missing = _plane(watched, release)
    found: Sequence[Manifest] = ()
    unreachable = False
    if plane is not None:
        try:
            await live.follow(plane, _kinds(release))
            if references.is_deleting(release):
                await live.confirm(plane, [identity.key(found) for found in desired(release)])
        except UnreachableError as error:
            plane, missing, unreachable = None, error.message, True
        else:
            found = live.of_owner(plane, release["metadata"]["uid"])
    return Observed(
        release=release,
        plane=plane,
        missing=missing,
        live=found,
        applied=live.applied(plane) if plane is not None else {},
        now=clock.timestamp(),
        unreachable=unreachable,
    )


def _plane(watched: Watched, release: Manifest) -> tuple[PlaneReference | None, str]:
    namespace = release["metadata"]["namespace"]
    name = release["spec"]["environmentName"]
    environment = watched.get("Environment", namespace, name)
    if environment is None:
        return None, f'Environment "{name}" not found'
    plane = references.data_plane_of(watched, environment)
    if plane is None:
        return None, f'DataPlane of environment "{name}" not found'
    if is_of_observability(release):
        plane = references.observability_plane_of(watched, plane)
        if plane is None:
            return None, f'ObservabilityPlane of environment "{name}" not found'
    return references.reference_to(plane), ""


def _kinds(release: Manifest) -> Iterable[tuple[str, str]]:
    # On an observability plane we may see nothing but what belongs there.
    known = _WELL_KNOWN_RULES if is_of_observability(release) else _WELL_KNOWN
    return (*known, *_own_kinds(release))


def _own_kinds(release: Manifest) -> Iterable[tuple[str, str]]:
    for item in release["spec"].get("resources") or ():
        yield item["object"]["apiVersion"], item["object"]["kind"]
    for entry in (release.get("status") or {}).get("resources") or ():
        group = entry.get("group")
        yield (f"{group}/{entry['version']}" if group else entry["version"]), entry["kind"]


def _in_environment(watched: Watched, environment: Manifest) -> Iterable[tuple[str, str]]:
    namespace, name = environment["metadata"]["namespace"], environment["metadata"]["name"]
    for release in watched.by_index("RenderedRelease", "environment", f"{namespace}/{name}"):
        yield namespace, release["metadata"]["name"]


def _on_plane(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for environment in references.environments_on(watched, plane):
        yield from _in_environment(watched, environment)


def _is_connected(plane: Manifest) -> bool:
    return bool(((plane.get("status") or {}).get("agentConnection") or {}).get("connected"))


def _environment_key(release: Manifest) -> Iterable[str]:
    yield f"{release['metadata']['namespace']}/{release['spec']['environmentName']}"


def _target_namespaces(release: Manifest) -> Iterable[str]:
    resources = release["spec"].get("resources") or ()
    found = {(item["object"].get("metadata") or {}).get("namespace") for item in resources}
    return [namespace for namespace in found if namespace]


def _of_live(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    owner = tracking.owner_of(obj)
    if owner is not None and owner.kind == "RenderedRelease":
        yield owner.namespace, owner.name
    if obj["kind"] == "Namespace":
        # Whoever could not apply for want of it need not wait for the next attempt.
        for release in watched.by_index("RenderedRelease", "target", obj["metadata"]["name"]):
            if references.says(release, "ResourcesApplied", "ApplyFailed"):
                yield release["metadata"]["namespace"], release["metadata"]["name"]


CONTROLLER = Controller(
    kind=registry.RENDERED_RELEASE,
    gather=gather,
    reconcile=reconcile,
    field_manager=FIELD_MANAGER,
    wakes={
        "Environment": _in_environment,
        "DataPlane": _on_plane,
        "ClusterDataPlane": _on_plane,
    },
    heeds={"DataPlane": _is_connected, "ClusterDataPlane": _is_connected},
    live_wakes=_of_live,
    indexes={
        "RenderedRelease": {"environment": _environment_key, "target": _target_namespaces},
    },
)
