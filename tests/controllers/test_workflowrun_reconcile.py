"""WorkflowRun: when it may start, what it submits, how it follows and ends."""

from __future__ import annotations

from typing import Any

from choreo_local.controllers.outcome import Outcome, PlaneReference
from choreo_local.controllers.workflowrun.reconcile import Observed, reconcile
from choreo_local.errors import UnreachableError
from tests import builders

NOW = "2026-01-01T01:00:00Z"
FINALIZER = "openchoreo.dev/workflowrun-cleanup"
PLACE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "name": "build",
    "namespace": "workflows-default",
}


def workflow(**spec: Any) -> dict[str, Any]:
    template = {
        "apiVersion": PLACE["apiVersion"],
        "kind": PLACE["kind"],
        "metadata": {"name": "${metadata.workflowRunName}", "namespace": "${metadata.namespace}"},
        "spec": {"serviceAccountName": "builder"},
    }
    return builders.obj("ClusterWorkflow", "docker", {"runTemplate": template, **spec})


def run(status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    spec = {"workflow": {"kind": "ClusterWorkflow", "name": "docker"}}
    found = builders.obj("WorkflowRun", "build", spec, **metadata)
    return {**found, "status": status} if status else found


def submitted(**status: Any) -> dict[str, Any]:
    return run({"startedAt": NOW, "runReference": PLACE, **status})


def of_component(**changed: str) -> dict[str, Any]:
    found = {"openchoreo.dev/project": "shop", "openchoreo.dev/component": "greeter"}
    return run(labels=found | changed)


def observed(found: dict[str, Any] | None = None, **changed: Any) -> Observed:
    defaults: dict[str, Any] = {
        "run": found or run(),
        "component": None,
        "component_type": None,
        "workflow": workflow(),
        "plane": PlaneReference("ClusterWorkflowPlane", "default"),
        "unreachable": "",
        "secret_store": "default",
        "secret_references": {},
        "argo": None,
        "now": NOW,
    }
    return Observed(**(defaults | changed))


def said(outcome: Outcome) -> dict[str, tuple[bool | None, str, str]]:
    return {found.type: (found.status, found.reason, found.message) for found in outcome.conditions}


def test_a_run_is_submitted_after_what_it_needs() -> None:
    outcome = reconcile(observed())
    work = outcome.on_plane
    assert work is not None
    kinds = [manifest["kind"] for manifest in work.create]
    assert kinds == ["Namespace", "ServiceAccount", "Role", "RoleBinding"]
    (name, argo) = work.apply[-1]
    assert (name, argo["spec"]["serviceAccountName"]) == ("run", "builder")
    assert argo["metadata"]["labels"]["openchoreo.dev/managed-by"] == "workflowrun-controller"
    assert outcome.status["runReference"]["kind"] == "Workflow"
    assert said(outcome)["WorkflowCompleted"][:2] == (False, "WorkflowPending")
    assert outcome.on_error is not None
    refused = outcome.on_error(UnreachableError("nobody answers"))
    assert said(refused)["WorkflowCompleted"][2].endswith(
        "cannot submit it to the workflow plane: nobody answers"
    )
    assert "runReference" not in refused.status


def test_a_run_without_its_workflow_has_failed() -> None:
    outcome = reconcile(observed(workflow=None))
    assert said(outcome)["WorkflowFailed"] == (
        True,
        "WorkflowFailed",
        'Workflow execution failed: ClusterWorkflow "docker" not found',
    )
    assert outcome.status["completedAt"] == NOW


def test_a_run_waits_for_its_plane() -> None:
    missing = reconcile(observed(plane=None))
    away = reconcile(observed(unreachable="no agent"))
    assert said(missing)["WorkflowCompleted"][1] == "WorkflowPlaneNotFound"
    assert said(away)["WorkflowCompleted"][2].endswith(": no agent")
    assert away.failed == "no agent"


def test_a_component_is_built_by_what_its_type_allows() -> None:
    allowed = {"allowedWorkflows": [{"kind": "ClusterWorkflow", "name": "docker"}]}
    component, kind = builders.component(), builders.component_type(**allowed)
    for found, given, reason in (
        (of_component(), {"component": component, "component_type": kind}, ""),
        (of_component(), {}, 'Component "greeter" not found'),
        (
            of_component(**{"openchoreo.dev/project": "other"}),
            {"component": component, "component_type": kind},
            'Component "greeter" belongs to project "shop", not to "other"',
        ),
        (
            of_component(),
            {"component": component, "component_type": builders.component_type()},
            'ClusterWorkflow "docker" is not among the workflows that ClusterComponentType '
            '"service" allows []',
        ),
    ):
        outcome = reconcile(observed(found, **given))
        if reason:
            kind_of, message = said(outcome)["WorkflowFailed"][1:]
            assert kind_of == "ComponentValidationFailed"
            assert message.endswith(reason)
        else:
            assert outcome.on_plane is not None


def test_the_engine_tells_how_far_a_run_is() -> None:
    def argo(phase: str) -> dict[str, Any]:
        nodes = {"a": {"type": "Pod", "displayName": "checkout", "phase": phase, "name": "b[0]"}}
        return {**PLACE, "status": {"phase": phase, "nodes": nodes}}

    running = reconcile(observed(submitted(), argo=argo("Running")))
    good = reconcile(observed(submitted(), argo=argo("Succeeded")))
    bad = reconcile(observed(submitted(), argo=argo("Error")))
    gone = reconcile(observed(submitted()))

    assert said(running)["WorkflowRunning"][0] is True
    assert running.status["tasks"] == [{"name": "checkout", "phase": "Running"}]
    assert "completedAt" not in running.status
    assert said(good)["WorkflowSucceeded"][0] is True
    assert good.status["completedAt"] == NOW
    assert said(bad)["WorkflowFailed"][0] is True
    assert said(gone)["WorkflowFailed"][2].endswith('"build" is gone from the workflow plane')


def test_a_run_that_is_over_lives_as_long_as_it_says() -> None:
    completed = {"type": "WorkflowCompleted", "status": "True", "reason": "WorkflowSucceeded"}
    over = submitted(conditions=[completed], completedAt="2026-01-01T00:30:00Z")
    assert reconcile(observed(over)) == Outcome()
    over["spec"]["ttlAfterCompletion"] = "1h"
    waiting = reconcile(observed(over))
    over["spec"]["ttlAfterCompletion"] = "10m"
    assert waiting.requeue_after is not None
    assert waiting.requeue_after.total_seconds() == 1800
    assert [item.name for item in reconcile(observed(over)).delete] == ["build"]


def test_a_deleted_run_takes_along_what_it_put_on_the_plane() -> None:
    going = builders.deleting(submitted(), FINALIZER)
    outcome = reconcile(observed(going))
    stuck = reconcile(observed(going, unreachable="no agent"))
    assert outcome.on_plane is not None
    assert [item.kind for item in outcome.on_plane.delete] == ["Workflow"]
    assert outcome.remove_finalizer == FINALIZER
    assert stuck.remove_finalizer == ""
    assert FINALIZER in said(stuck)["Finalizing"][2]
