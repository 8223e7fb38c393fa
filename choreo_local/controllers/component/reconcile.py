"""Component → ComponentRelease and the binding of the first environment, conditions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.api.conditions import ComponentCondition as Type
from choreo_local.api.conditions import ComponentReason as Reason
from choreo_local.controllers import finalizing, references
from choreo_local.controllers.component import checks
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, Outcome, met, unmet
from choreo_local.errors import ChoreoError
from choreo_local.rendering import names
from choreo_local.rendering import release as releases


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        bindings: ReleaseBindings of the component in the root environment.
        children: everything that a deletion takes along.
    """

    inputs: checks.Inputs
    bindings: Sequence[Manifest]
    children: Sequence[Manifest]


def reconcile(observed: Observed) -> Outcome:
    """Check the component; with autoDeploy, release it and pin the release to the first stage."""
    component = observed.inputs.component
    if references.is_deleting(component):
        return _finalize(observed)
    problem = checks.first_problem(observed.inputs)
    if problem is not None:
        return _outcome(component, unmet(Type.READY, problem.reason, problem.message))
    if component["spec"].get("autoDeploy"):
        return _auto_deploy(observed)
    return _outcome(
        component, met(Type.READY, Reason.RECONCILED, "Component validated successfully")
    )


def _outcome(component: Manifest, ready: Condition, **more: Any) -> Outcome:
    status: dict[str, Any] = {
        "observedGeneration": component["metadata"].get("generation", 0),
        **more.pop("status", {}),
    }
    return Outcome(
        add_finalizer=references.missing_finalizer(component, labels.COMPONENT_FINALIZER),
        status=status,
        conditions=(ready,),
        **more,
    )


def _auto_deploy(observed: Observed) -> Outcome:
    inputs = observed.inputs
    component, component_type = inputs.component, inputs.component_type
    environment = inputs.root_environment
    assert component_type is not None
    assert environment is not None
    if len(observed.bindings) > 1:
        message = f'found multiple ReleaseBinding objects for environment "{environment}"'
        return _outcome(component, _auto_deploy_failed(message), failed=message)
    release = releases.component_release(
        component, component_type, workload=inputs.workloads[0], traits=inputs.traits.values()
    )
    metadata = component["metadata"]
    name = names.binding(metadata["name"], environment)
    existing = observed.bindings[0] if observed.bindings else None
    if existing is not None:
        name = existing["metadata"]["name"]
    done = (
        f'ComponentRelease "{release.name}" and ReleaseBinding "{name}" successfully managed '
        f'for environment "{environment}"'
    )

    def on_error(error: ChoreoError) -> Outcome:
        return _outcome(component, _auto_deploy_failed(error.message))

    return _outcome(
        component,
        met(Type.READY, Reason.COMPONENT_RELEASE_READY, done),
        create=(release.manifest,),
        apply=_pin(component, existing, environment, name=name, release=release.name),
        on_error=on_error,
        status={"latestRelease": {"name": release.name, "releaseHash": release.hash}},
    )


def _auto_deploy_failed(detail: str) -> Condition:
    return unmet(Type.READY, Reason.AUTO_DEPLOY_FAILED, f"Failed to handle autoDeploy: {detail}")


def _pin(
    component: Manifest, existing: Manifest | None, environment: str, *, name: str, release: str
) -> tuple[Mapping[str, Any], ...]:
    if existing is not None and existing["spec"].get("releaseName") == release:
        return ()
    metadata = component["metadata"]
    owner = {
        "projectName": component["spec"]["owner"]["projectName"],
        "componentName": metadata["name"],
    }
    binding = {
        "apiVersion": labels.API_VERSION,
        "kind": "ReleaseBinding",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "spec": {"owner": owner, "environment": environment, "releaseName": release},
    }
    return (binding,)


def _finalize(observed: Observed) -> Outcome:
    return finalizing.after(
        observed.inputs.component,
        observed.children,
        finalizer=labels.COMPONENT_FINALIZER,
        condition=met(Type.FINALIZING, Reason.FINALIZING, "Component is finalizing"),
    )
