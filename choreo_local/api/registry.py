"""Every OpenChoreo kind: its REST name, scope, short names, printer columns and finalizers.

Constants (`registry.PROJECT`) are what clients of a kube API need; `KINDS` holds the rest, by
kind. Loads neither pydantic nor the models: the command line resolves names with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind


# Named tuples, not data classes: making the latter costs this module half of its import time.
class Column(NamedTuple):
    """A printer column: what `kubectl get` shows of an object."""

    name: str
    json_path: str
    type: str = "string"


class ApiKind(NamedTuple):
    """A kind of the OpenChoreo API.

    Attributes:
        resource: group, version, kind, plural, scope.
        module: the module of `choreo_local.api.v1alpha1` that holds its model.
        status: whether it has the status subresource.
        spec_required: whether an object without `spec` is refused.
        finalizers: those that its controller sets; the first is the usual one.
    """

    resource: ResourceKind
    module: str
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    status: bool = True
    spec_required: bool = False
    finalizers: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """As in a manifest, e.g. `Project`."""
        return self.resource.kind

    @property
    def singular(self) -> str:
        """The kind in lower case, e.g. `project`."""
        return self.resource.kind.lower()


def _namespaced(kind: str, plural: str = "") -> ResourceKind:
    return ResourceKind(labels.GROUP, labels.VERSION, kind, plural or f"{kind.lower()}s")


def _cluster(kind: str, plural: str = "") -> ResourceKind:
    plural = plural or f"{kind.lower()}s"
    return ResourceKind(labels.GROUP, labels.VERSION, kind, plural, namespaced=False)


# Kubernetes' own, and yet a kind of the OpenChoreo API.
NAMESPACE = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
AUTHZ_ROLE = _namespaced("AuthzRole")
AUTHZ_ROLE_BINDING = _namespaced("AuthzRoleBinding")
CLUSTER_AUTHZ_ROLE = _cluster("ClusterAuthzRole")
CLUSTER_AUTHZ_ROLE_BINDING = _cluster("ClusterAuthzRoleBinding")
COMPONENT_TYPE = _namespaced("ComponentType")
CLUSTER_COMPONENT_TYPE = _cluster("ClusterComponentType")
TRAIT = _namespaced("Trait")
CLUSTER_TRAIT = _cluster("ClusterTrait")
PROJECT_TYPE = _namespaced("ProjectType")
CLUSTER_PROJECT_TYPE = _cluster("ClusterProjectType")
RESOURCE_TYPE = _namespaced("ResourceType")
CLUSTER_RESOURCE_TYPE = _cluster("ClusterResourceType")
WORKFLOW = _namespaced("Workflow")
CLUSTER_WORKFLOW = _cluster("ClusterWorkflow")
COMPONENT = _namespaced("Component")
WORKLOAD = _namespaced("Workload")
COMPONENT_RELEASE = _namespaced("ComponentRelease")
RELEASE_BINDING = _namespaced("ReleaseBinding")
RENDERED_RELEASE = _namespaced("RenderedRelease")
PROJECT = _namespaced("Project")
PROJECT_RELEASE = _namespaced("ProjectRelease")
PROJECT_RELEASE_BINDING = _namespaced("ProjectReleaseBinding")
RESOURCE = _namespaced("Resource")
RESOURCE_RELEASE = _namespaced("ResourceRelease")
RESOURCE_RELEASE_BINDING = _namespaced("ResourceReleaseBinding")
SECRET_REFERENCE = _namespaced("SecretReference")
WORKFLOW_RUN = _namespaced("WorkflowRun")
DEPLOYMENT_PIPELINE = _namespaced("DeploymentPipeline")
ENVIRONMENT = _namespaced("Environment")
DATA_PLANE = _namespaced("DataPlane")
CLUSTER_DATA_PLANE = _cluster("ClusterDataPlane")
WORKFLOW_PLANE = _namespaced("WorkflowPlane")
CLUSTER_WORKFLOW_PLANE = _cluster("ClusterWorkflowPlane")
OBSERVABILITY_PLANE = _namespaced("ObservabilityPlane")
CLUSTER_OBSERVABILITY_PLANE = _cluster("ClusterObservabilityPlane")
OBSERVABILITY_ALERT_RULE = _namespaced("ObservabilityAlertRule")
OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL = _namespaced("ObservabilityAlertsNotificationChannel")

_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_OWNER_PROJECT = Column("Project", ".spec.owner.projectName")
_OWNER_COMPONENT = Column("Component", ".spec.owner.componentName")
_OWNER_RESOURCE = Column("Resource", ".spec.owner.resourceName")
_ENVIRONMENT = Column("Environment", ".spec.environment")
_WORKLOAD_TYPE = Column("WorkloadType", ".spec.workloadType")
_READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')

_ALL = (
    ApiKind(AUTHZ_ROLE, "authz", columns=(_AGE,), status=False),
    ApiKind(AUTHZ_ROLE_BINDING, "authz", columns=(_AGE,), status=False),
    ApiKind(CLUSTER_AUTHZ_ROLE, "authz", columns=(_AGE,), status=False),
    ApiKind(CLUSTER_AUTHZ_ROLE_BINDING, "authz", columns=(_AGE,), status=False),
    ApiKind(COMPONENT_TYPE, "componenttype", ("ct", "cts"), (_WORKLOAD_TYPE, _AGE)),
    ApiKind(CLUSTER_COMPONENT_TYPE, "componenttype", ("cct", "ccts"), (_WORKLOAD_TYPE, _AGE)),
    ApiKind(TRAIT, "trait", ("trait", "traits"), (_AGE,)),
    ApiKind(CLUSTER_TRAIT, "trait", ("ctrait", "ctraits"), (_AGE,)),
    ApiKind(PROJECT_TYPE, "project", ("pt", "pts"), (_AGE,)),
    ApiKind(CLUSTER_PROJECT_TYPE, "project", ("cpt", "cpts"), (_AGE,)),
    ApiKind(RESOURCE_TYPE, "resource", ("rt", "rts"), (_AGE,)),
    ApiKind(CLUSTER_RESOURCE_TYPE, "resource", ("crt", "crts"), (_AGE,)),
    ApiKind(WORKFLOW, "workflow", spec_required=True),
    ApiKind(CLUSTER_WORKFLOW, "workflow", ("cwf", "cwfs"), (_AGE,)),
    ApiKind(
        COMPONENT,
        "component",
        ("comp", "comps"),
        (_OWNER_PROJECT, Column("ComponentType", ".spec.componentType.name"), _AGE),
        finalizers=(labels.COMPONENT_FINALIZER,),
    ),
    ApiKind(WORKLOAD, "workload", columns=(_OWNER_PROJECT, _OWNER_COMPONENT, _AGE)),
    ApiKind(COMPONENT_RELEASE, "component", columns=(_OWNER_PROJECT, _OWNER_COMPONENT, _AGE)),
    ApiKind(
        RELEASE_BINDING,
        "release",
        columns=(_OWNER_PROJECT, _OWNER_COMPONENT, _ENVIRONMENT, _AGE),
        finalizers=(labels.RELEASE_BINDING_FINALIZER,),
    ),
    ApiKind(
        RENDERED_RELEASE,
        "release",
        finalizers=(
            labels.RENDERED_RELEASE_DATA_PLANE_FINALIZER,
            labels.RENDERED_RELEASE_OBSERVABILITY_PLANE_FINALIZER,
        ),
    ),
    ApiKind(PROJECT, "project", ("proj", "projs"), finalizers=(labels.PROJECT_FINALIZER,)),
    ApiKind(PROJECT_RELEASE, "project", columns=(_OWNER_PROJECT, _AGE)),
    ApiKind(
        PROJECT_RELEASE_BINDING,
        "project",
        ("prb", "prbs"),
        (_OWNER_PROJECT, _ENVIRONMENT, Column("Release", ".spec.projectRelease"), _READY, _AGE),
        finalizers=(labels.PROJECT_RELEASE_BINDING_FINALIZER,),
    ),
    ApiKind(
        RESOURCE,
        "resource",
        ("res",),
        (_OWNER_PROJECT, Column("Type", ".spec.type.name"), _AGE),
        finalizers=(labels.RESOURCE_FINALIZER,),
    ),
    ApiKind(RESOURCE_RELEASE, "resource", columns=(_OWNER_PROJECT, _OWNER_RESOURCE, _AGE)),
    ApiKind(
        RESOURCE_RELEASE_BINDING,
        "resource",
        ("rrb", "rrbs"),
        (
            _OWNER_PROJECT,
            _OWNER_RESOURCE,
            _ENVIRONMENT,
            Column("Release", ".spec.resourceRelease"),
            _READY,
            _AGE,
        ),
        finalizers=(labels.RESOURCE_RELEASE_BINDING_FINALIZER,),
    ),
    ApiKind(SECRET_REFERENCE, "secret"),
    ApiKind(
        WORKFLOW_RUN,
        "workflow",
        spec_required=True,
        finalizers=(labels.WORKFLOW_RUN_FINALIZER,),
    ),
    ApiKind(
        DEPLOYMENT_PIPELINE,
        "environment",
        ("deppipe", "deppipes"),
        finalizers=(labels.DEPLOYMENT_PIPELINE_FINALIZER,),
    ),
    ApiKind(
        ENVIRONMENT,
        "environment",
        ("env", "envs"),
        finalizers=(labels.ENVIRONMENT_FINALIZER,),
    ),
    ApiKind(DATA_PLANE, "dataplane", ("dp", "dps"), finalizers=(labels.DATA_PLANE_FINALIZER,)),
    ApiKind(
        CLUSTER_DATA_PLANE,
        "dataplane",
        ("cdp", "cdps"),
        finalizers=(labels.CLUSTER_DATA_PLANE_FINALIZER,),
    ),
    ApiKind(WORKFLOW_PLANE, "dataplane", finalizers=(labels.WORKFLOW_PLANE_FINALIZER,)),
    ApiKind(
        CLUSTER_WORKFLOW_PLANE,
        "dataplane",
        ("cwp", "cwps"),
        finalizers=(labels.CLUSTER_WORKFLOW_PLANE_FINALIZER,),
    ),
    ApiKind(OBSERVABILITY_PLANE, "dataplane", finalizers=(labels.OBSERVABILITY_PLANE_FINALIZER,)),
    ApiKind(
        CLUSTER_OBSERVABILITY_PLANE,
        "dataplane",
        ("cop", "cops"),
        finalizers=(labels.CLUSTER_OBSERVABILITY_PLANE_FINALIZER,),
    ),
    ApiKind(
        OBSERVABILITY_ALERT_RULE,
        "observability",
        columns=(
            Column("Severity", ".spec.severity"),
            Column("Enabled", ".spec.enabled"),
            Column("Phase", ".status.phase"),
            _AGE,
        ),
        finalizers=(labels.ALERT_RULE_FINALIZER,),
    ),
    ApiKind(
        OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL,
        "observability",
        # The count is never written, but the column is there upstream.
        columns=(
            Column("Type", ".spec.type"),
            _AGE,
            Column("Notifications", ".status.notificationCount", "integer"),
        ),
        finalizers=(labels.NOTIFICATION_CHANNEL_FINALIZER,),
    ),
)

KINDS: Mapping[str, ApiKind] = {entry.kind: entry for entry in _ALL}


def _spoken_names() -> dict[str, ApiKind]:
    names: dict[str, ApiKind] = {}
    for entry in _ALL:
        own = (entry.singular, entry.resource.plural, *entry.short_names)
        names |= dict.fromkeys(own, entry)
    return names


_BY_NAME = _spoken_names()


def find(name: str) -> ApiKind | None:
    """The kind that a person means: kind, singular, plural or short name, in any case.

    A group may follow as in `projects.openchoreo.dev`; another group finds nothing.
    """
    plain, _, group = name.lower().partition(".")
    if group and group != labels.GROUP:
        return None
    return _BY_NAME.get(plain)


def cluster_twin(kind: str) -> ApiKind | None:
    """The cluster-scoped kind beside a namespaced one: `Trait` → ClusterTrait; None if none."""
    return KINDS.get(f"Cluster{kind}")
