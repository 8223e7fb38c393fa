"""WorkflowRun → an Argo Workflow on its plane, its progress, its end. Pure.

One pass goes, from top to bottom: gone? → over? → under way? → allowed? → workflow → plane →
submit. What hinders a run is said in `WorkflowCompleted`, which is false until it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from choreo_local import clock
from choreo_local.api import labels
from choreo_local.api.conditions import WorkflowRunCondition as Type
from choreo_local.api.conditions import WorkflowRunReason as Reason
from choreo_local.apimachinery import conditions
from choreo_local.controllers import durations, references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import (
    Condition,
    Outcome,
    PlaneReference,
    Reference,
    met,
    unmet,
)
from choreo_local.controllers.workflowrun import checks, progress, submission
from choreo_local.errors import ChoreoError
from choreo_local.rendering import workflow as workflows
from choreo_local.rendering.errors import RenderError

_PENDING = "Workflow has not completed yet"


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read; None where it does not exist.

    Attributes:
        component: what the run's labels name.
        plane: how the workflow's plane is reached; None when it cannot be.
        unreachable: why the plane cannot be reached; "" when it can, or there is none.
        secret_store: of the plane.
        secret_references: SecretReferences of the namespace by name.
        argo: the Argo Workflow that was submitted, as it is on the plane now.
        now: for times in the status.
    """

    run: Manifest
    component: Manifest | None
    component_type: Manifest | None
    workflow: Manifest | None
    plane: PlaneReference | None
    unreachable: str
    secret_store: str
    secret_references: Mapping[str, Manifest]
    argo: Manifest | None
    now: str


def reconcile(observed: Observed) -> Outcome:
    """Start the run, or follow it."""
    run = observed.run
    status = run.get("status") or {}
    if references.is_deleting(run):
        return _finalize(observed)
    if conditions.is_true(status.get("conditions") or (), Type.WORKFLOW_COMPLETED):
        return _expire(observed)
    submitted = bool(status.get("runReference"))
    refusal = "" if submitted else checks.problem(run, observed.component, observed.component_type)
    if refusal:
        failure = progress.failed(refusal, reason=Reason.COMPONENT_VALIDATION_FAILED)
        return _ended(observed, failure)
    kind, name = checks.workflow_reference(run)
    if observed.workflow is None:
        return _ended(observed, progress.failed(f'{kind} "{name}" not found'))
    if observed.unreachable:
        return _waiting(observed, observed.unreachable, failed=observed.unreachable)
    if observed.plane is None:
        reference = observed.workflow["spec"].get("workflowPlaneRef") or {}
        named = f'{reference.get("kind", "WorkflowPlane")} "{reference.get("name", "default")}"'
        return _outcome(
            observed,
            unmet(Type.WORKFLOW_COMPLETED, Reason.WORKFLOW_PLANE_NOT_FOUND, f"{named} not found"),
        )
    return _follow(observed) if submitted else _submit(observed, observed.workflow, observed.plane)


def _outcome(observed: Observed, *changed: Condition, **more: Any) -> Outcome:
    run = observed.run
    started = (run.get("status") or {}).get("startedAt") or observed.now
    return Outcome(
        add_finalizer=references.missing_finalizer(run, labels.WORKFLOW_RUN_FINALIZER),
        status={"startedAt": started, **more.pop("status", {})},
        conditions=changed,
        **more,
    )


def _ended(observed: Observed, changed: Sequence[Condition], **status: Any) -> Outcome:
    status["completedAt"] = observed.now
    # The next pass sees to the end of its life.
    return _outcome(observed, *changed, status=status, requeue_after=timedelta(0))


def _waiting(observed: Observed, why: str, **more: Any) -> Outcome:
    return _outcome(observed, *_pending(observed.run, f"{_PENDING}: {why}"), **more)


def _pending(run: Manifest, message: str = _PENDING) -> tuple[Condition, ...]:
    """`WorkflowCompleted=False`, unless that is what it says already."""
    known = conditions.find((run.get("status") or {}).get("conditions") or (), _COMPLETED)
    if known and (known["reason"], known["message"]) == (Reason.WORKFLOW_PENDING, message):
        return ()
    return (unmet(Type.WORKFLOW_COMPLETED, Reason.WORKFLOW_PENDING, message),)


_COMPLETED = Type.WORKFLOW_COMPLETED.value


def _submit(observed: Observed, workflow: Manifest, plane: PlaneReference) -> Outcome:
    run = observed.run
    try:
        work = submission.work(run, _rendered(observed, workflow), plane)
    except RenderError as error:
        # A new pass would end alike: whatever may help wakes the run.
        return _waiting(observed, error.message)
    *further, argo = (manifest for _, manifest in work.apply)
    return _outcome(
        observed,
        *_pending(run),
        on_plane=work,
        apply=_inherited_ttl(run, workflow),
        on_error=lambda error: _not_submitted(observed, error),
        status={
            "resources": [submission.place(manifest) for manifest in further] or None,
            "runReference": submission.place(argo),
        },
        requeue_after=timedelta(0),
    )


def _rendered(observed: Observed, workflow: Manifest) -> workflows.RenderedWorkflow:
    metadata = observed.run["metadata"]

    def inputs(external_refs: Mapping[str, Any]) -> workflows.WorkflowInputs:
        return workflows.WorkflowInputs(
            workflow=workflow,
            run=observed.run,
            namespace=metadata["namespace"],
            run_name=metadata["name"],
            secret_store=observed.secret_store,
            external_refs=external_refs,
            labels=metadata.get("labels") or {},
        )

    found = {}
    for identifier, name in workflows.external_ref_names(inputs({})).items():
        reference = observed.secret_references.get(name)
        if reference is None:
            raise RenderError(f'external ref "{identifier}": SecretReference "{name}" not found')
        found[identifier] = {"spec": reference["spec"]}
    return workflows.render(inputs(found))


def _inherited_ttl(run: Manifest, workflow: Manifest) -> tuple[Mapping[str, Any], ...]:
    """The run lives as long as its workflow says, unless it says so itself."""
    ttl = workflow["spec"].get("ttlAfterCompletion")
    if not ttl or run["spec"].get("ttlAfterCompletion"):
        return ()
    metadata = {field: run["metadata"][field] for field in ("name", "namespace", "uid")}
    return (
        {
            "apiVersion": labels.API_VERSION,
            "kind": "WorkflowRun",
            "metadata": metadata,
            "spec": {"ttlAfterCompletion": ttl},
        },
    )


def _not_submitted(observed: Observed, error: ChoreoError) -> Outcome:
    return _waiting(observed, f"cannot submit it to the workflow plane: {error.message}")


def _follow(observed: Observed) -> Outcome:
    if observed.argo is None:
        reference = observed.run["status"]["runReference"]
        gone = f'{reference["kind"]} "{reference["name"]}" is gone from the workflow plane'
        return _ended(observed, progress.failed(gone))
    status = {"tasks": progress.tasks(observed.argo) or None}
    changed = progress.conditions(observed.argo)
    if any(condition.type == Type.WORKFLOW_COMPLETED for condition in changed):
        return _ended(observed, changed, **status)
    return _outcome(observed, *changed, status=status)


def _expire(observed: Observed) -> Outcome:
    """Over: remember since when; delete the run when its time has come."""
    run = observed.run
    completed = (run.get("status") or {}).get("completedAt")
    if not completed:
        return Outcome(status={"completedAt": observed.now}, requeue_after=timedelta(0))
    ttl = durations.parse(run["spec"].get("ttlAfterCompletion") or "")
    if ttl is None:
        return Outcome()
    left = clock.parse_timestamp(completed) + ttl - clock.parse_timestamp(observed.now)
    if left > timedelta(0):
        return Outcome(requeue_after=left)
    return Outcome(delete=(Reference.to(run),))


def _finalize(observed: Observed) -> Outcome:
    run, finalizer = observed.run, labels.WORKFLOW_RUN_FINALIZER
    if finalizer not in references.finalizers(run):
        return Outcome()
    if observed.unreachable:
        return Outcome(conditions=(_stuck(observed.unreachable),), failed=observed.unreachable)
    if observed.plane is None:
        return Outcome(remove_finalizer=finalizer)
    return Outcome(
        on_plane=submission.clean_up(run, observed.plane),
        on_error=lambda error: Outcome(conditions=(_stuck(error.message),)),
        remove_finalizer=finalizer,
    )


def _stuck(why: str) -> Condition:
    message = (
        f"Failed to clean up the workflow plane: {why}; to leave its objects behind, remove the "
        f"finalizer {labels.WORKFLOW_RUN_FINALIZER}"
    )
    return met(Type.FINALIZING, Reason.CLEANUP_FAILED, message)
