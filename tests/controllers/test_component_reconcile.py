"""Component: what one pass decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from choreo_local.controllers.component.checks import Inputs
from choreo_local.controllers.component.reconcile import Observed, reconcile
from choreo_local.controllers.outcome import Condition, Outcome
from choreo_local.errors import InvalidError
from tests import builders


def observed(
    *, bindings: Sequence[Any] = (), children: Sequence[Any] = (), **inputs: Any
) -> Observed:
    defaults: dict[str, Any] = {
        "component": builders.component(),
        "component_type": builders.component_type(),
        "workloads": [builders.workload()],
        "traits": {},
        "workflow": None,
        "project": builders.project(),
        "pipeline": builders.pipeline(),
        "root_environment": "development",
    }
    return Observed(Inputs(**(defaults | inputs)), bindings, children)


def ready(outcome: Outcome) -> Condition:
    (condition,) = outcome.conditions
    return condition


def test_auto_deploy_cuts_a_release_and_pins_it_in_the_first_environment() -> None:
    outcome = reconcile(observed())

    (release,) = outcome.create
    (binding,) = outcome.apply
    assert release["kind"] == "ComponentRelease"
    assert release["metadata"]["name"].startswith("greeter-")
    assert binding["metadata"]["name"] == "greeter-development"
    assert binding["spec"]["releaseName"] == release["metadata"]["name"]
    assert outcome.status["latestRelease"]["name"] == release["metadata"]["name"]
    assert (ready(outcome).status, ready(outcome).reason) == (True, "ComponentReleaseReady")


def test_the_same_inputs_name_the_same_release_and_a_pinned_binding_is_left_alone() -> None:
    first = reconcile(observed())
    pinned = builders.release_binding(first.create[0]["metadata"]["name"])

    second = reconcile(observed(bindings=[pinned]))

    assert second.apply == ()
    assert second.create == first.create  # created unless it exists


def test_a_changed_workload_names_another_release_and_moves_the_binding() -> None:
    first = reconcile(observed())
    pinned = builders.release_binding(first.create[0]["metadata"]["name"])
    changed = builders.workload(container={"image": "choreo.local/greeter:2.0"})

    second = reconcile(observed(bindings=[pinned], workloads=[changed]))

    assert second.create[0]["metadata"]["name"] != first.create[0]["metadata"]["name"]
    assert second.apply[0]["spec"]["releaseName"] == second.create[0]["metadata"]["name"]


def test_a_binding_with_a_name_of_its_own_keeps_it() -> None:
    own = {**builders.release_binding(""), "metadata": {"name": "mine", "namespace": "default"}}
    outcome = reconcile(observed(bindings=[own]))
    assert outcome.apply[0]["metadata"]["name"] == "mine"


def test_two_bindings_of_the_first_environment_are_reported_and_neither_is_touched() -> None:
    outcome = reconcile(observed(bindings=[builders.release_binding(), builders.release_binding()]))
    assert ready(outcome).reason == "AutoDeployFailed"
    assert ready(outcome).message == (
        "Failed to handle autoDeploy: found multiple ReleaseBinding objects for environment "
        '"development"'
    )
    assert outcome.apply == ()
    assert outcome.failed


def test_a_refused_release_shows_in_the_condition() -> None:
    outcome = reconcile(observed())
    assert outcome.on_error is not None
    failed = outcome.on_error(InvalidError("spec.workload: no"))
    assert ready(failed).reason == "AutoDeployFailed"
    assert "spec.workload: no" in ready(failed).message


def test_without_auto_deploy_the_component_is_only_checked() -> None:
    outcome = reconcile(observed(component=builders.component(auto_deploy=False)))
    assert (outcome.create, outcome.apply) == ((), ())
    assert (ready(outcome).status, ready(outcome).reason) == (True, "Reconciled")


NO_PIPELINE = builders.project()
NO_PIPELINE["spec"]["deploymentPipelineRef"] = {}
TRAIT = {"name": "probe", "kind": "Trait", "instanceName": "p"}


@pytest.mark.parametrize(
    ("inputs", "reason", "message"),
    [
        (
            {"component_type": None},
            "ComponentTypeNotFound",
            'ClusterComponentType "service" not found',
        ),
        (
            {"component_type": builders.component_type(workloadType="cronjob")},
            "InvalidConfiguration",
            "WorkloadType mismatch: component specifies deployment but ClusterComponentType has "
            "cronjob",
        ),
        (
            {"workloads": []},
            "WorkloadNotFound",
            'Workload for component "greeter" not found, waiting for workload to be created',
        ),
        (
            {"workloads": [builders.workload(), builders.workload()]},
            "InvalidConfiguration",
            'Multiple Workloads found for component "greeter" (expected exactly 1)',
        ),
        (
            {"component": builders.component(traits=[TRAIT])},
            "InvalidConfiguration",
            'ComponentType "service": traits [Trait:probe] are not in the allowed list []',
        ),
        (
            {
                "component": builders.component(traits=[TRAIT]),
                "component_type": builders.component_type(allowedTraits=[TRAIT]),
            },
            "TraitNotFound",
            'Trait "probe" not found',
        ),
        ({"project": None}, "ProjectNotFound", 'Project "shop" not found'),
        (
            {"pipeline": None},
            "DeploymentPipelineNotFound",
            'DeploymentPipeline "default" not found',
        ),
        (
            {"project": NO_PIPELINE},
            "InvalidConfiguration",
            'Project "shop" has no deployment pipeline',
        ),
        (
            {"component": builders.component(workflow={"name": "build"})},
            "WorkflowNotAllowed",
            'ClusterWorkflow "build" is not among the workflows that ComponentType "service" '
            "allows []",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_what_is_wrong_is_said_first_and_nothing_is_written(
    inputs: dict[str, Any], reason: str, message: str
) -> None:
    outcome = reconcile(observed(**inputs))
    assert (ready(outcome).status, ready(outcome).reason) == (False, reason)
    assert ready(outcome).message == message
    assert (outcome.create, outcome.apply) == ((), ())


def test_a_deletion_takes_everything_along_and_then_lets_go() -> None:
    component = builders.deleting(builders.component(), "openchoreo.dev/component-cleanup")
    child = builders.workload()

    waiting = reconcile(observed(component=component, children=[child]))
    done = reconcile(observed(component=component))

    assert [reference.name for reference in waiting.delete] == ["greeter"]
    assert waiting.remove_finalizer == ""
    assert done.remove_finalizer == "openchoreo.dev/component-cleanup"
