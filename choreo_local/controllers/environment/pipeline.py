"""DeploymentPipeline → available; not deleted while projects use it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from choreo_local.api import labels
from choreo_local.api.conditions import DeploymentPipelineCondition as Type
from choreo_local.api.conditions import DeploymentPipelineReason as Reason
from choreo_local.api.conditions import EventReason
from choreo_local.controllers import references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Event, Outcome, met, unmet

BLOCKED_WAIT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at; `projects` are those that use the pipeline."""

    pipeline: Manifest
    projects: Sequence[Manifest]


def reconcile(observed: Observed) -> Outcome:
    """Say that the pipeline is available, or why it cannot be deleted."""
    pipeline = observed.pipeline
    if references.is_deleting(pipeline):
        return _finalize(observed)
    generation = pipeline["metadata"].get("generation", 0)
    first = not (pipeline.get("status") or {}).get("conditions")
    name = pipeline["metadata"]["name"]
    complete = Event(EventReason.RECONCILE_COMPLETE, f"Reconciled DeploymentPipeline {name}")
    return Outcome(
        add_finalizer=references.missing_finalizer(pipeline, labels.DEPLOYMENT_PIPELINE_FINALIZER),
        status={"observedGeneration": generation},
        conditions=(
            met(
                Type.AVAILABLE,
                Reason.DEPLOYMENT_PIPELINE_AVAILABLE,
                "DeploymentPipeline is available",
            ),
        ),
        events=(complete,) if first else (),
    )


def _finalize(observed: Observed) -> Outcome:
    if labels.DEPLOYMENT_PIPELINE_FINALIZER not in references.finalizers(observed.pipeline):
        return Outcome()
    if not observed.projects:
        return Outcome(remove_finalizer=labels.DEPLOYMENT_PIPELINE_FINALIZER)
    count = len(observed.projects)
    message = f"Deletion blocked: deployment pipeline is still referenced by {count} project(s)"
    return Outcome(
        conditions=(unmet(Type.AVAILABLE, Reason.DELETION_BLOCKED, message),),
        requeue_after=BLOCKED_WAIT,
    )
