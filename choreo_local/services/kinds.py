"""The kinds that the OpenChoreo API serves: paths, words of messages, filters and write rules.

Pure data; the generic use cases (`base`) and the generic router follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto
from typing import NamedTuple

from choreo_local.api import labels, registry
from choreo_local.apimachinery.gvk import ResourceKind

NAMESPACE = registry.NAMESPACE


class Rule(Flag):
    """How a kind differs from the usual."""

    NONE = 0
    # Releases: created and deleted, never changed.
    IMMUTABLE = auto()
    # An object that violates its schema is a 400 here, elsewhere a 422.
    REFUSED_AS_BAD = auto()
    # A missing name is refused by the schema, elsewhere by us.
    NAMES_ITSELF = auto()
    # Answers carry no `status`.
    NO_STATUS = auto()
    # `…/{name}/schema` shows the parameters it takes.
    SCHEMA = auto()
    # Lists do not heed `labelSelector`.
    UNSELECTED = auto()
    # The namespace of a new object must be that of the path.
    SAME_NAMESPACE = auto()
    # Its owner is not repeated in its labels.
    UNLABELLED = auto()


class Owner(NamedTuple):
    """What an object belongs to, and must exist before it."""

    kind: ResourceKind
    field: str  # below spec.owner
    word: str


class Filter(NamedTuple):
    """A query parameter of a list: it must equal the field at `path`.

    `existing` is where the named object must exist; None where an unknown name finds nothing.
    """

    path: tuple[str, ...]
    existing: ResourceKind | None = None


class ServedKind(NamedTuple):
    """A kind of the API.

    Attributes:
        parameter: name of the path parameter that holds an object's name.
        label: the kind in `… not found`.
        conflict: the kind in `… already exists`.
        filters: query parameters of the list.
        owner: what must exist before an object is created.
    """

    resource: ResourceKind
    parameter: str
    label: str
    conflict: str
    filters: Mapping[str, Filter]
    owner: Owner | None
    rules: Rule

    @property
    def kind(self) -> str:
        """As in a manifest."""
        return self.resource.kind


OWNER_LABELS: Mapping[str, str] = {
    "projectName": labels.PROJECT,
    "componentName": labels.COMPONENT,
    "resourceName": labels.RESOURCE,
}

_PROJECT = Owner(registry.PROJECT, "projectName", "project")
_COMPONENT = Owner(registry.COMPONENT, "componentName", "component")
_RESOURCE = Owner(registry.RESOURCE, "resourceName", "resource")


def _served(
    resource: ResourceKind,
    parameter: str,
    label: str = "",
    *,
    conflict: str = "",
    rules: Rule = Rule.NONE,
    filters: Mapping[str, Filter] | None = None,
) -> ServedKind:
    label = label or resource.kind
    return ServedKind(resource, parameter, label, conflict or label, filters or {}, None, rules)


def _owned(
    resource: ResourceKind,
    parameter: str,
    owner: Owner,
    *,
    rules: Rule = Rule.NONE,
    owner_must_exist: bool = False,
) -> ServedKind:
    wanted = Filter(("spec", "owner", owner.field), owner.kind if owner_must_exist else None)
    filters = {owner.word: wanted}
    return ServedKind(resource, parameter, resource.kind, resource.kind, filters, owner, rules)


_RELEASE = Rule.IMMUTABLE
_STRICT = Rule.REFUSED_AS_BAD
_ROLE = Rule.NAMES_ITSELF | Rule.NO_STATUS | Rule.UNSELECTED
_TYPE = Rule.SCHEMA
_CLUSTER_TYPE = Rule.SCHEMA | Rule.NAMES_ITSELF

_ALL = (
    _served(NAMESPACE, "namespaceName"),
    _served(registry.PROJECT, "projectName"),
    _owned(
        registry.COMPONENT,
        "componentName",
        _PROJECT,
        rules=Rule.SAME_NAMESPACE,
        owner_must_exist=True,
    ),
    _owned(registry.WORKLOAD, "workloadName", _COMPONENT),
    _owned(registry.COMPONENT_RELEASE, "componentReleaseName", _COMPONENT, rules=_RELEASE),
    _owned(registry.RELEASE_BINDING, "releaseBindingName", _COMPONENT, rules=Rule.SAME_NAMESPACE),
    _owned(
        registry.PROJECT_RELEASE,
        "projectReleaseName",
        _PROJECT,
        rules=_RELEASE | _STRICT | Rule.UNLABELLED,
    ),
    _owned(registry.PROJECT_RELEASE_BINDING, "projectReleaseBindingName", _PROJECT, rules=_STRICT),
    _owned(registry.RESOURCE, "resourceName", _PROJECT, rules=_STRICT, owner_must_exist=True),
    _owned(registry.RESOURCE_RELEASE, "resourceReleaseName", _RESOURCE, rules=_RELEASE | _STRICT),
    _owned(
        registry.RESOURCE_RELEASE_BINDING, "resourceReleaseBindingName", _RESOURCE, rules=_STRICT
    ),
    _served(registry.ENVIRONMENT, "envName"),
    _served(registry.DEPLOYMENT_PIPELINE, "deploymentPipelineName", conflict="Deployment pipeline"),
    _served(registry.SECRET_REFERENCE, "secretReferenceName", conflict="Secret reference"),
    _served(
        registry.OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL,
        "observabilityAlertsNotificationChannelName",
        conflict="Observability alerts notification channel",
    ),
    _served(registry.DATA_PLANE, "dpName"),
    _served(registry.CLUSTER_DATA_PLANE, "cdpName", rules=Rule.NAMES_ITSELF),
    _served(registry.WORKFLOW_PLANE, "workflowPlaneName", rules=Rule.NAMES_ITSELF),
    _served(registry.CLUSTER_WORKFLOW_PLANE, "clusterWorkflowPlaneName", rules=Rule.NAMES_ITSELF),
    _served(registry.OBSERVABILITY_PLANE, "observabilityPlaneName", rules=Rule.NAMES_ITSELF),
    _served(
        registry.CLUSTER_OBSERVABILITY_PLANE,
        "clusterObservabilityPlaneName",
        rules=Rule.NAMES_ITSELF,
    ),
    _served(registry.COMPONENT_TYPE, "ctName", "Component type", rules=_TYPE),
    _served(
        registry.CLUSTER_COMPONENT_TYPE,
        "cctName",
        conflict="Cluster component type",
        rules=_CLUSTER_TYPE,
    ),
    _served(registry.TRAIT, "traitName", rules=_TYPE),
    _served(
        registry.CLUSTER_TRAIT, "clusterTraitName", conflict="Cluster trait", rules=_CLUSTER_TYPE
    ),
    _served(registry.WORKFLOW, "workflowName", rules=_TYPE),
    _served(
        registry.CLUSTER_WORKFLOW,
        "clusterWorkflowName",
        conflict="Cluster workflow",
        rules=_CLUSTER_TYPE,
    ),
    _served(
        registry.WORKFLOW_RUN,
        "runName",
        filters={"workflow": Filter(("spec", "workflow", "name"))},
    ),
    _served(registry.RESOURCE_TYPE, "rtName", "Resource type", rules=_TYPE | _STRICT),
    _served(
        registry.CLUSTER_RESOURCE_TYPE,
        "crtName",
        conflict="Cluster resource type",
        rules=_CLUSTER_TYPE | _STRICT,
    ),
    _served(registry.PROJECT_TYPE, "ptName", "Project type", rules=_TYPE | _STRICT),
    _served(
        registry.CLUSTER_PROJECT_TYPE,
        "cptName",
        conflict="Cluster project type",
        rules=_CLUSTER_TYPE | _STRICT,
    ),
    _served(registry.AUTHZ_ROLE, "name", "Namespace role", rules=_ROLE),
    _served(registry.AUTHZ_ROLE_BINDING, "name", "Namespace role binding", rules=_ROLE),
    _served(registry.CLUSTER_AUTHZ_ROLE, "name", "Cluster role", rules=_ROLE),
    _served(registry.CLUSTER_AUTHZ_ROLE_BINDING, "name", "Cluster role binding", rules=_ROLE),
)

BY_PLURAL: Mapping[str, ServedKind] = {entry.resource.plural: entry for entry in _ALL}
BY_KIND: Mapping[str, ServedKind] = {entry.kind: entry for entry in _ALL}
