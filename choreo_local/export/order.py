"""In which order OpenChoreo's objects are applied, and which of them move at all. Pure."""

from __future__ import annotations

from choreo_local.api import registry

NAMESPACE = registry.NAMESPACE.kind

# What refers to something comes after it. Releases come before what pins them, so that nothing is
# released anew; bindings come last: they are what makes the planes work.
KINDS = (
    NAMESPACE,
    "ClusterAuthzRole",
    "AuthzRole",
    "ClusterAuthzRoleBinding",
    "AuthzRoleBinding",
    "ClusterProjectType",
    "ProjectType",
    "ClusterTrait",
    "Trait",
    "ClusterWorkflow",
    "Workflow",
    "ClusterComponentType",
    "ComponentType",
    "ClusterResourceType",
    "ResourceType",
    "Environment",
    "DeploymentPipeline",
    "Project",
    "SecretReference",
    "ProjectRelease",
    "ComponentRelease",
    "ResourceRelease",
    "Resource",
    "Component",
    "Workload",
    "ProjectReleaseBinding",
    "ResourceReleaseBinding",
    "ReleaseBinding",
    "ObservabilityAlertsNotificationChannel",
)

OBSERVABILITY_PLANES = ("ClusterObservabilityPlane", "ObservabilityPlane")
DATA_PLANES = ("ClusterDataPlane", "DataPlane")
WORKFLOW_PLANES = ("ClusterWorkflowPlane", "WorkflowPlane")
# An observability plane first: the others refer to it.
PLANES = (*OBSERVABILITY_PLANES, *DATA_PLANES, *WORKFLOW_PLANES)

# Kind → why its objects stay: controllers make them anew, or they would run again.
STAYING = {
    "RenderedRelease": "controllers write it anew from the bindings",
    "ObservabilityAlertRule": "controllers write it anew on the observability plane",
    "WorkflowRun": "a run that is applied again runs again",
}


def file_name(kind: str) -> str:
    """The file of a kind: in the order of names, kubectl applies them in the right one."""
    plural = "namespaces" if kind == NAMESPACE else registry.KINDS[kind].resource.plural
    return f"{10 + KINDS.index(kind)}-{plural}.yaml"
