"""The closed sets of field values in the OpenChoreo API, each in the order its schema lists them.

Controllers and rendering compare with these; the models build their `enum` constraints from them.
"""

from __future__ import annotations

from enum import StrEnum


class WorkloadType(StrEnum):
    """What a component type makes: `spec.workloadType`."""

    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    CRONJOB = "cronjob"
    JOB = "job"
    PROXY = "proxy"


class TargetPlane(StrEnum):
    """The plane that a rendered object is for."""

    DATA_PLANE = "dataplane"
    OBSERVABILITY_PLANE = "observabilityplane"


class EndpointType(StrEnum):
    """Protocol of a workload's endpoint."""

    HTTP = "HTTP"
    GRPC = "gRPC"
    GRAPHQL = "GraphQL"
    WEBSOCKET = "Websocket"
    TCP = "TCP"
    UDP = "UDP"


class Visibility(StrEnum):
    """Who may call an endpoint."""

    PROJECT = "project"
    NAMESPACE = "namespace"
    INTERNAL = "internal"
    EXTERNAL = "external"


class DependencyVisibility(StrEnum):
    """Through which visibility a component calls the endpoint of another."""

    PROJECT = "project"
    NAMESPACE = "namespace"


class BindingState(StrEnum):
    """Whether a ReleaseBinding should run: `spec.state`."""

    ACTIVE = "Active"
    UNDEPLOY = "Undeploy"


class RetainPolicy(StrEnum):
    """What becomes of a backing service whose binding is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class HealthStatus(StrEnum):
    """Health of an object on a plane: `RenderedRelease.status.resources[].healthStatus`."""

    UNKNOWN = "Unknown"
    PROGRESSING = "Progressing"
    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"


class TaskPhase(StrEnum):
    """Phase of one task of a WorkflowRun."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    ERROR = "Error"


class PatchOperation(StrEnum):
    """What one operation of a trait's patch does."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


class SecretType(StrEnum):
    """`type` of the Kubernetes Secret that a SecretReference stands for."""

    OPAQUE = "Opaque"
    DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson"
    DOCKER_CONFIG = "kubernetes.io/dockercfg"
    BASIC_AUTH = "kubernetes.io/basic-auth"
    SSH_AUTH = "kubernetes.io/ssh-auth"
    TLS = "kubernetes.io/tls"
    BOOTSTRAP_TOKEN = "bootstrap.kubernetes.io/token"


class Effect(StrEnum):
    """Whether a role binding grants or denies."""

    ALLOW = "allow"
    DENY = "deny"


class AlertSource(StrEnum):
    """What an alert rule looks at."""

    LOG = "log"
    METRIC = "metric"
    BUDGET = "budget"


class AlertOperator(StrEnum):
    """How an alert rule compares with its threshold."""

    GREATER = "gt"
    LESS = "lt"
    GREATER_OR_EQUAL = "gte"
    LESS_OR_EQUAL = "lte"
    EQUAL = "eq"


class AlertPhase(StrEnum):
    """`ObservabilityAlertRule.status.phase`."""

    READY = "Ready"
    ERROR = "Error"


class ChannelType(StrEnum):
    """How a notification channel delivers."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class ConditionStatus(StrEnum):
    """`status` of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"
