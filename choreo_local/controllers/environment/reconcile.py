"""Environment → ready, and a deletion that takes its bindings along. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from choreo_local.api import labels
from choreo_local.api.conditions import EnvironmentCondition as Type
from choreo_local.api.conditions import EnvironmentReason as Reason
from choreo_local.api.conditions import EventReason
from choreo_local.controllers import references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Event, Outcome, Reference, met, unmet

BLOCKED_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        pipelines: those that name the environment.
        bindings: of components, projects and resources in the environment.
    """

    environment: Manifest
    pipelines: Sequence[Manifest]
    bindings: Sequence[Manifest]


def reconcile(observed: Observed) -> Outcome:
    """Say that the environment is ready."""
    environment = observed.environment
    if references.is_deleting(environment):
        return _finalize(observed)
    name = environment["metadata"]["name"]
    first = not (environment.get("status") or {}).get("conditions")
    ready = Event(EventReason.ENVIRONMENT_READY, f"Environment {name} is ready")
    return Outcome(
        add_finalizer=references.missing_finalizer(environment, labels.ENVIRONMENT_FINALIZER),
        conditions=(met(Type.READY, Reason.ENVIRONMENT_READY, "Environment is ready"),),
        events=(ready,) if first else (),
    )


def _finalize(observed: Observed) -> Outcome:
    if labels.ENVIRONMENT_FINALIZER not in references.finalizers(observed.environment):
        return Outcome()
    if observed.pipelines:
        pipeline = observed.pipelines[0]["metadata"]["name"]
        message = f'Deletion blocked: environment is referenced by DeploymentPipeline "{pipeline}"'
        return Outcome(
            conditions=(unmet(Type.READY, Reason.DELETION_BLOCKED, message),),
            requeue_after=BLOCKED_WAIT,
        )
    pending, finalizing = Reason.RELEASE_BINDINGS_PENDING, Reason.ENVIRONMENT_FINALIZING
    if not references.says(observed.environment, Type.READY, pending, finalizing):
        message = "Environment is finalizing"
        return Outcome(
            conditions=(unmet(Type.READY, finalizing, message),), requeue_after=timedelta(0)
        )
    if not observed.bindings:
        return Outcome(remove_finalizer=labels.ENVIRONMENT_FINALIZER)
    message = f"Waiting for {len(observed.bindings)} release binding(s) to be deleted"
    going = [obj for obj in observed.bindings if not references.is_deleting(obj)]
    return Outcome(
        delete=tuple(Reference.to(obj) for obj in going),
        conditions=(unmet(Type.READY, pending, message),),
    )
