"""What must be true of a Component before it can be released; the first problem, in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api.conditions import ComponentReason as Reason
from choreo_local.controllers.observed import Manifest
from choreo_local.rendering.release import trait_key


@dataclass(frozen=True, slots=True)
class Inputs:
    """A component and what it refers to; None where the referred object does not exist.

    Attributes:
        traits: found Traits and ClusterTraits, by (kind, name).
        workflow: the workflow that the component names; None also when it names none.
        root_environment: where the pipeline starts.
    """

    component: Manifest
    component_type: Manifest | None
    workloads: Sequence[Manifest]
    traits: Mapping[tuple[str, str], Manifest]
    workflow: Manifest | None
    project: Manifest | None
    pipeline: Manifest | None
    root_environment: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a component is not ready."""

    reason: Reason
    message: str


def type_reference(component: Manifest) -> tuple[str, str, str]:
    """Kind, workload type and name of `spec.componentType`."""
    reference = component["spec"]["componentType"]
    workload_type, _, name = reference["name"].partition("/")
    return reference.get("kind", "ComponentType"), workload_type, name


def first_problem(inputs: Inputs) -> Problem | None:
    """The first thing that is wrong, in upstream's order; None when nothing is."""
    for check in (_type, _workflow, _workload, _allowed_traits, _existing_traits, _project):
        problem = next(check(inputs), None)
        if problem is not None:
            return problem
    return None


def _type(inputs: Inputs) -> Iterator[Problem]:
    kind, workload_type, name = type_reference(inputs.component)
    if inputs.component_type is None:
        yield Problem(Reason.COMPONENT_TYPE_NOT_FOUND, f'{kind} "{name}" not found')
        return
    found = inputs.component_type["spec"]["workloadType"]
    if found != workload_type:
        yield Problem(
            Reason.INVALID_CONFIGURATION,
            f"WorkloadType mismatch: component specifies {workload_type} but {kind} has {found}",
        )


def _workflow(inputs: Inputs) -> Iterator[Problem]:
    reference = inputs.component["spec"].get("workflow")
    if not reference or inputs.component_type is None:
        return
    _, _, type_name = type_reference(inputs.component)
    kind, name = reference.get("kind", "ClusterWorkflow"), reference["name"]
    allowed = inputs.component_type["spec"].get("allowedWorkflows") or ()
    if (kind, name) not in {(entry["kind"], entry["name"]) for entry in allowed}:
        names = " ".join(f"{entry['kind']}:{entry['name']}" for entry in allowed)
        yield Problem(
            Reason.WORKFLOW_NOT_ALLOWED,
            f'{kind} "{name}" is not among the workflows that ComponentType "{type_name}" allows '
            f"[{names}]",
        )
    elif inputs.workflow is None:
        yield Problem(Reason.WORKFLOW_NOT_FOUND, f'{kind} "{name}" not found')


def _workload(inputs: Inputs) -> Iterator[Problem]:
    name = inputs.component["metadata"]["name"]
    if not inputs.workloads:
        yield Problem(
            Reason.WORKLOAD_NOT_FOUND,
            f'Workload for component "{name}" not found, waiting for workload to be created',
        )
    elif len(inputs.workloads) > 1:
        yield Problem(
            Reason.INVALID_CONFIGURATION,
            f'Multiple Workloads found for component "{name}" (expected exactly 1)',
        )


def _allowed_traits(inputs: Inputs) -> Iterator[Problem]:
    own = inputs.component["spec"].get("traits") or ()
    component_type = inputs.component_type
    if not own or component_type is None:
        return
    type_name = component_type["metadata"]["name"]
    allowed = [trait_key(entry) for entry in component_type["spec"].get("allowedTraits") or ()]
    refused = [key for key in map(trait_key, own) if key not in allowed]
    if refused:
        yield Problem(
            Reason.INVALID_CONFIGURATION,
            f'ComponentType "{type_name}": traits [{_listed(refused)}] are not in the allowed '
            f"list [{_listed(allowed)}]",
        )
    embedded = component_type["spec"].get("traits") or ()
    counted = Counter(entry["instanceName"] for entry in (*embedded, *own))
    for instance, times in counted.items():
        if times > 1:
            yield Problem(
                Reason.INVALID_CONFIGURATION,
                f'ComponentType "{type_name}": trait instance name "{instance}" is used twice',
            )


def _listed(keys: Sequence[tuple[str, str]]) -> str:
    return " ".join(f"{kind}:{name}" for kind, name in keys)


def _existing_traits(inputs: Inputs) -> Iterator[Problem]:
    for reference in used_traits(inputs.component, inputs.component_type):
        key = trait_key(reference)
        if key not in inputs.traits:
            yield Problem(Reason.TRAIT_NOT_FOUND, f'{key[0]} "{key[1]}" not found')


def used_traits(
    component: Manifest, component_type: Manifest | None
) -> Iterator[Mapping[str, Any]]:
    """References to the traits that the type embeds and the component adds."""
    for owner in (component_type, component):
        if owner is not None:
            yield from owner["spec"].get("traits") or ()


def _project(inputs: Inputs) -> Iterator[Problem]:
    name = inputs.component["spec"]["owner"]["projectName"]
    if inputs.project is None:
        yield Problem(Reason.PROJECT_NOT_FOUND, f'Project "{name}" not found')
        return
    reference = inputs.project["spec"].get("deploymentPipelineRef") or {}
    pipeline = reference.get("name", "")
    if not pipeline:
        yield Problem(Reason.INVALID_CONFIGURATION, f'Project "{name}" has no deployment pipeline')
    elif inputs.pipeline is None:
        yield Problem(
            Reason.DEPLOYMENT_PIPELINE_NOT_FOUND, f'DeploymentPipeline "{pipeline}" not found'
        )
    elif inputs.root_environment is None:
        yield Problem(
            Reason.INVALID_CONFIGURATION,
            f'DeploymentPipeline "{pipeline}" has no root environment: each of its sources is '
            "also a target",
        )
