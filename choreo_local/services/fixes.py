"""What to do next, by what was found; pure. Words for `choreo why` and the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from choreo_local.api.conditions import ComponentReason
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.services.pods import Trouble


class Subject(NamedTuple):
    """Whom the advice is about."""

    namespace: str
    component: str
    environment: str


UNREACHABLE: Final = "See which planes are connected: choreo status"
APPLY_FAILED: Final = (
    "The plane refused an object: correct the component type, the parameters or the overrides "
    "that lead to the field in the message"
)
FAILED_CREATE: Final = "The cluster refuses the pods: correct what the message names, e.g. a quota"

OF_TRAFFIC: Final[Mapping[str, str]] = {
    "route": (
        "Correct the endpoint of the Workload, or the component type or trait that makes the route"
    ),
    "backend": "Correct what the route sends requests to: the Service, its port, or a grant for it",
    "policy": "Correct the policy, or the trait or component type that makes it",
}
_OF_COMPONENT: Final[Mapping[str, str]] = {
    ComponentReason.WORKLOAD_NOT_FOUND: (
        "Apply a Workload whose spec.owner.componentName is {component}"
    ),
    ComponentReason.COMPONENT_TYPE_NOT_FOUND: (
        "Correct spec.componentType of the component; see what there is: "
        "choreo get clustercomponenttypes"
    ),
    ComponentReason.TRAIT_NOT_FOUND: (
        "Correct spec.traits of the component; see what there is: choreo get clustertraits"
    ),
    ComponentReason.PROJECT_NOT_FOUND: (
        "Create the project, or correct spec.owner.projectName of the component"
    ),
    ComponentReason.DEPLOYMENT_PIPELINE_NOT_FOUND: (
        "Create the pipeline, or correct spec.deploymentPipelineRef of the project"
    ),
    ComponentReason.WORKFLOW_NOT_ALLOWED: "Choose a workflow that the component type allows",
    ComponentReason.WORKFLOW_NOT_FOUND: "Correct spec.workflow of the component",
}
_OF_BINDING: Final[Mapping[str, str]] = {
    Reason.COMPONENT_RELEASE_NOT_FOUND: (
        "Bind a release that exists: choreo get componentreleases -n {namespace}"
    ),
    Reason.ENVIRONMENT_NOT_FOUND: "Create the environment {environment}",
    Reason.DATA_PLANE_NOT_FOUND: "Correct spec.dataPlaneRef of environment {environment}",
    Reason.RENDERING_FAILED: (
        "Correct the parameters, overrides or secrets that the message names; try with: "
        "choreo diff {component} --to {environment}"
    ),
    Reason.CONNECTIONS_PENDING: "Deploy what it waits for to {environment}",
    Reason.RESOURCE_DEPENDENCIES_PENDING: "Deploy the resources it waits for to {environment}",
    Reason.RELEASE_OWNERSHIP_CONFLICT: (
        "Two bindings claim {environment}: delete one; choreo get releasebindings -n {namespace}"
    ),
}
_OF_POD: Final[Mapping[str, str]] = {
    "CrashLoopBackOff": "Read what it wrote, then correct the Workload: choreo logs {component} "
    "--env {environment} --previous",
    "ImagePullBackOff": "Check spec.container.image of the Workload, and that the registry is "
    "reachable",
    "InvalidImageName": "Correct spec.container.image of the Workload",
    "CreateContainerConfigError": "Create the Secret or ConfigMap that the message names",
    "Unschedulable": "Ask for less in the Workload's resources, or make room on the node",
    "OOMKilled": "Raise the memory limit of the component",
}
_SAME_AS: Final[Mapping[str, str]] = {
    "ErrImagePull": "ImagePullBackOff",
    "ErrImageNeverPull": "ImagePullBackOff",
    "Error": "CrashLoopBackOff",
    "CreateContainerError": "CrashLoopBackOff",
    "RunContainerError": "CrashLoopBackOff",
}


def of_component(reason: str, subject: Subject) -> str:
    """When a component cannot be released."""
    text = _OF_COMPONENT.get(reason, "Correct what the message names and apply the component again")
    return text.format(**subject._asdict())


def of_binding(reason: str, subject: Subject) -> str:
    """When a release does not get onto its plane."""
    text = _OF_BINDING.get(reason, "Correct what the message names")
    return text.format(**subject._asdict())


def of_pod(trouble: Trouble, subject: Subject) -> str:
    """When a container does not run."""
    reason = _SAME_AS.get(trouble.reason, trouble.reason)
    text = _OF_POD.get(reason, "Look at the pod: choreo logs {component} --env {environment}")
    return text.format(**subject._asdict())


def of_probe(subject: Subject) -> str:
    """When a container runs and does not answer its probe."""
    return (
        f"See whether it listens on the port of the probe: choreo logs {subject.component} "
        f"--env {subject.environment}"
    )


def not_deployed(subject: Subject) -> str:
    """When nothing was asked for."""
    return f"Bring it there: choreo promote {subject.component} --to {subject.environment}"
