"""RenderedRelease → objects on its plane; health, prune, clean-up. Pure.

Upstream polls the plane; here every change of a live object wakes its release, so what a pass sees
is current and nothing is asked again before `requeue_after`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import RenderedReleaseCondition as Type
from choreo_local.api.conditions import RenderedReleaseReason as Reason
from choreo_local.apimachinery import gvk, owners
from choreo_local.controllers import durations, identity, references
from choreo_local.controllers.applied import Applied
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import (
    Outcome,
    PlaneReference,
    PlaneWork,
    Reference,
    met,
    unknown,
    unmet,
)
from choreo_local.controllers.renderedrelease import drift
from choreo_local.errors import ChoreoError
from choreo_local.rendering import health

FIELD_MANAGER = labels.MANAGED_BY_RENDERED_RELEASE
CLEANUP_WAIT = timedelta(seconds=5)
# A release of a plane that cannot be reached is tried again; live objects tell of all the rest.
RESYNC = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        plane: where the objects belong; None when it cannot be used.
        missing: why it cannot be used.
        unreachable: whether that is because nothing connects us with it.
        live: the objects on the plane that carry the release's uid.
        applied: what was applied in this process, by object.
        now: for `lastObservedTime`.
    """

    release: Manifest
    plane: PlaneReference | None
    missing: str
    live: Sequence[Manifest]
    applied: Mapping[identity.ObjectKey, Applied]
    now: str
    unreachable: bool = False


def reconcile(observed: Observed) -> Outcome:
    """Bring the plane to what the release says, and report what is there."""
    release = observed.release
    if references.is_deleting(release):
        return _finalize(observed)
    if observed.plane is None:
        return _without_plane(observed)

    wanted = desired(release)
    changed = tuple(drift.to_apply(wanted, observed.live, observed.applied))
    return Outcome(
        add_finalizer=_missing_finalizer(release),
        on_plane=PlaneWork(
            plane=observed.plane,
            field_manager=FIELD_MANAGER,
            create=_namespaces(release, changed) if is_of_observability(release) else (),
            apply=tuple((_identifier(manifest), manifest) for manifest in changed),
            delete=tuple(Reference.to(obj) for obj in _stale(observed.live, wanted)),
        ),
        on_done=lambda answers: _report(observed, wanted, answers),
        on_error=_apply_failed,
    )


def _without_plane(observed: Observed) -> Outcome:
    """Nothing can be done; of a plane that cannot be asked, nothing is known any more either."""
    release = observed.release
    finalizer = _missing_finalizer(release)
    if not observed.unreachable:
        return Outcome(add_finalizer=finalizer, failed=observed.missing)
    before = (release.get("status") or {}).get("resources") or ()
    return Outcome(
        add_finalizer=finalizer,
        status={
            "resources": [{**entry, "healthStatus": health.Health.UNKNOWN} for entry in before]
            or None
        },
        conditions=(unknown(Type.RESOURCES_APPLIED, Reason.PLANE_UNREACHABLE, observed.missing),),
        failed=observed.missing,
    )


def is_of_observability(release: Manifest) -> bool:
    """Whether the release belongs on the observability plane of its environment."""
    return bool(release["spec"].get("targetPlane") == "observabilityplane")


def _namespaces(release: Manifest, manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Where the manifests belong: no ProjectType builds cells on an observability plane."""
    metadata, spec = release["metadata"], release["spec"]
    found = {
        labels.CREATED_BY: FIELD_MANAGER,
        labels.RENDERED_RELEASE_NAME: metadata["name"],
        labels.RENDERED_RELEASE_NAMESPACE: metadata["namespace"],
        labels.RENDERED_RELEASE_UID: metadata["uid"],
        labels.NAMESPACE: metadata["namespace"],
        labels.ENVIRONMENT: spec["environmentName"],
        labels.PROJECT: spec["owner"]["projectName"],
    }
    namespaces = {manifest["metadata"].get("namespace") for manifest in manifests}
    return tuple(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": found}}
        for name in sorted(filter(None, namespaces))
    )


def _report(observed: Observed, wanted: Sequence[Manifest], answers: Sequence[Manifest]) -> Outcome:
    """What is there after everything has been applied."""
    live = {identity.key(obj): obj for obj in (*observed.live, *answers)}
    status = _resource_statuses(observed, wanted, live)
    applied = "All resources applied successfully"
    return Outcome(
        status={"resources": status or None},
        conditions=(met(Type.RESOURCES_APPLIED, Reason.APPLY_SUCCEEDED, applied),),
        requeue_after=_interval(observed.release),
    )


def desired(release: Manifest) -> list[dict[str, Any]]:
    """The manifests of a release with the labels by which they are found again."""
    metadata = release["metadata"]
    restarted_at = (metadata.get("annotations") or {}).get(labels.RESTARTED_AT)
    manifests = []
    for item in release["spec"].get("resources") or ():
        manifest = dict(item["object"])
        own = manifest.get("metadata") or {}
        manifest["metadata"] = {
            **own,
            "labels": {
                **(own.get("labels") or {}),
                labels.MANAGED_BY: labels.MANAGED_BY_RENDERED_RELEASE,
                labels.RENDERED_RELEASE_RESOURCE_ID: item["id"],
                labels.RENDERED_RELEASE_UID: metadata["uid"],
                labels.RENDERED_RELEASE_NAME: metadata["name"],
                labels.RENDERED_RELEASE_NAMESPACE: metadata["namespace"],
            },
        }
        if restarted_at and _is_deployment(manifest):
            manifest["spec"] = _restarted(manifest.get("spec") or {}, restarted_at)
        manifests.append(manifest)
    return manifests


def _restarted(spec: Mapping[str, Any], restarted_at: str) -> dict[str, Any]:
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), labels.RESTARTED_AT: restarted_at}
    return {
        **spec,
        "template": {**template, "metadata": {**metadata, "annotations": annotations}},
    }


def _is_deployment(manifest: Mapping[str, Any]) -> bool:
    group, _ = gvk.split_api_version(manifest.get("apiVersion", ""))
    return group == "apps" and manifest.get("kind") == "Deployment"


def _stale(live: Sequence[Manifest], wanted: Sequence[Manifest]) -> list[Manifest]:
    """Live objects that no manifest stands for any more.

    Compared by identity and not only by id, so that a renamed object does not leave the old behind.
    What an object of ours controls may carry its labels, e.g. the Secret of an ExternalSecret; that
    is its controller's to keep or to delete.
    """
    kept = {identity.key(manifest) for manifest in wanted}
    return [
        obj
        for obj in live
        if identity.key(obj) not in kept
        and not references.is_deleting(obj)
        and owners.controller(obj) is None
    ]


def _resource_statuses(
    observed: Observed, wanted: Sequence[Manifest], live: Mapping[identity.ObjectKey, Manifest]
) -> list[dict[str, Any]]:
    before = {
        entry["id"]: entry
        for entry in (observed.release.get("status") or {}).get("resources") or ()
    }
    return [
        _resource_status(manifest, live.get(identity.key(manifest)), before, now=observed.now)
        for manifest in wanted
    ]


def _resource_status(
    manifest: Manifest, live: Manifest | None, before: Mapping[str, Any], *, now: str
) -> dict[str, Any]:
    group, version = gvk.split_api_version(manifest["apiVersion"])
    metadata = manifest["metadata"]
    identifier = _identifier(manifest)
    entry: dict[str, Any] = {"id": identifier, "version": version, "kind": manifest["kind"]}
    entry["name"] = metadata["name"]
    if group:
        entry["group"] = group
    if metadata.get("namespace"):
        entry["namespace"] = metadata["namespace"]
    entry["healthStatus"] = health.of(live)
    if live is None:
        return entry
    if live.get("status"):
        entry["status"] = live["status"]
    old = before.get(identifier) or {}
    same = all(old.get(field) == entry.get(field) for field in ("status", "healthStatus"))
    entry["lastObservedTime"] = old.get("lastObservedTime", now) if same else now
    return entry


def _identifier(manifest: Manifest) -> str:
    identifier: str = manifest["metadata"]["labels"][labels.RENDERED_RELEASE_RESOURCE_ID]
    return identifier


def _apply_failed(error: ChoreoError) -> Outcome:
    message = f"Failed to apply resources to target plane: {error.message}"
    return Outcome(conditions=(unmet(Type.RESOURCES_APPLIED, Reason.APPLY_FAILED, message),))


def _finalize(observed: Observed) -> Outcome:
    release = observed.release
    finalizer = next((name for name in FINALIZERS if name in references.finalizers(release)), "")
    if not finalizer:
        return Outcome()
    cleaning = met(Type.FINALIZING, Reason.CLEANUP_IN_PROGRESS, "Cleaning up dataplane resources")
    if observed.plane is None:
        message = (
            f"Failed to clean up dataplane resources: {observed.missing}; to leave them behind, "
            f"remove the finalizer {finalizer}"
        )
        return Outcome(
            conditions=(met(Type.FINALIZING, Reason.CLEANUP_FAILED, message),),
            failed=observed.missing,
        )
    if not references.says(release, Type.FINALIZING, Reason.CLEANUP_IN_PROGRESS):
        return Outcome(conditions=(cleaning,), requeue_after=timedelta(0))
    if not observed.live:
        return Outcome(remove_finalizer=finalizer)
    going = [obj for obj in observed.live if not references.is_deleting(obj)]
    return Outcome(
        on_plane=PlaneWork(
            plane=observed.plane,
            field_manager=FIELD_MANAGER,
            delete=tuple(Reference.to(obj) for obj in going),
        ),
        on_error=_cleanup_failed,
        conditions=(cleaning,),
        requeue_after=CLEANUP_WAIT,
    )


def _cleanup_failed(error: ChoreoError) -> Outcome:
    message = f"Failed to clean up dataplane resources: {error.message}"
    return Outcome(conditions=(met(Type.FINALIZING, Reason.CLEANUP_FAILED, message),))


FINALIZERS = (
    labels.RENDERED_RELEASE_DATA_PLANE_FINALIZER,
    labels.RENDERED_RELEASE_OBSERVABILITY_PLANE_FINALIZER,
)


def _missing_finalizer(release: Manifest) -> str:
    finalizer = FINALIZERS[1] if is_of_observability(release) else FINALIZERS[0]
    return references.missing_finalizer(release, finalizer)


def _interval(release: Manifest) -> timedelta | None:
    text = release["spec"].get("interval")
    if text is None:
        return RESYNC
    return durations.parse(text) or None
