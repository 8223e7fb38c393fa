"""Project → ProjectRelease, and the first pin of its bindings; deletion of what it owns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import EventReason
from choreo_local.api.conditions import ProjectCondition as Type
from choreo_local.api.conditions import ProjectReason as Reason
from choreo_local.controllers import finalizing, references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Event, Outcome, met, unmet
from choreo_local.rendering import release as releases

CREATED = met(Type.CREATED, Reason.PROJECT_CREATED, "Project is created")


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        children: components, OpenChoreo Resources and bindings of a project that goes.
        releases: ProjectReleases of the project.
    """

    project: Manifest
    project_type: Manifest | None
    bindings: Sequence[Manifest]
    children: Sequence[Manifest]
    releases: Sequence[Manifest]


def reconcile(observed: Observed) -> Outcome:
    """Freeze the current inputs into a release; pin it where a binding never had one."""
    project = observed.project
    if references.is_deleting(project):
        return _finalize(observed)
    finalizer = references.missing_finalizer(project, labels.PROJECT_FINALIZER)
    generation = project["metadata"].get("generation", 0)
    reference = project["spec"]["type"]
    if observed.project_type is None:
        message = f'{reference["kind"]} "{reference["name"]}" not found'
        return Outcome(
            add_finalizer=finalizer,
            status={"observedGeneration": generation},
            conditions=(CREATED, unmet(Type.READY, Reason.PROJECT_TYPE_NOT_FOUND, message)),
        )
    release = releases.project_release(project, observed.project_type)
    latest = {"name": release.name, "hash": release.hash}
    current = (project.get("status") or {}).get("latestRelease") == latest
    # Compared with the status, not with what exists: a release that a person deleted stays deleted.
    created = () if current else (release.manifest,)
    return Outcome(
        add_finalizer=finalizer,
        create=created,
        apply=tuple(
            _pinned(binding, release.name)
            for binding in observed.bindings
            if not binding["spec"].get("projectRelease") and not references.is_deleting(binding)
        ),
        status={"observedGeneration": generation, "latestRelease": latest},
        conditions=(
            CREATED,
            met(Type.READY, Reason.RECONCILED, f"ProjectRelease {release.name} in place"),
        ),
        events=_first_event(project),
    )


def _first_event(project: Manifest) -> tuple[Event, ...]:
    if (project.get("status") or {}).get("conditions"):
        return ()
    name = project["metadata"]["name"]
    return (Event(EventReason.RECONCILE_COMPLETE, f"Successfully created {name}"),)


def _pinned(binding: Manifest, release_name: str) -> dict[str, Any]:
    """Identity and the one field that is ours: apply leaves the rest to its owners."""
    metadata = binding["metadata"]
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "ProjectReleaseBinding",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {
            "owner": dict(binding["spec"]["owner"]),
            "environment": binding["spec"]["environment"],
            "projectRelease": release_name,
        },
    }


def _finalize(observed: Observed) -> Outcome:
    if labels.PROJECT_FINALIZER not in references.finalizers(observed.project):
        return Outcome()
    if not references.says(observed.project, Type.FINALIZING):
        going = met(Type.FINALIZING, Reason.PROJECT_FINALIZING, "Project is finalizing")
        return Outcome(conditions=(going,), requeue_after=timedelta(0))
    # Releases go last: a binding that is going still renders from its release.
    left = observed.children or observed.releases
    if not left:
        return Outcome(remove_finalizer=labels.PROJECT_FINALIZER)
    text = "Waiting for child resources to be deleted"
    return finalizing.waiting(left, met(Type.FINALIZING, Reason.PROJECT_FINALIZING, text))
