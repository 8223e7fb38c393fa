"""Condition types and reasons of each kind, as the controllers write them and users read them.

One pair of enums a kind that has conditions. Members are strings, ready for a manifest. A reason
of an aggregate (`Ready`) may also be that of the part that failed.
"""

from __future__ import annotations

from enum import StrEnum


class EventReason(StrEnum):
    """Reasons of the events that controllers post."""

    RECONCILE_COMPLETE = "ReconcileComplete"
    ENVIRONMENT_READY = "EnvironmentReady"
    CLEANUP_SKIPPED = "CleanupSkipped"


class ComponentCondition(StrEnum):
    """Condition types of Component."""

    READY = "Ready"
    FINALIZING = "Finalizing"


class ComponentReason(StrEnum):
    """Reasons of Component."""

    RECONCILED = "Reconciled"
    COMPONENT_RELEASE_READY = "ComponentReleaseReady"
    COMPONENT_TYPE_NOT_FOUND = "ComponentTypeNotFound"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    WORKFLOW_NOT_ALLOWED = "WorkflowNotAllowed"
    WORKFLOW_NOT_FOUND = "WorkflowNotFound"
    WORKLOAD_NOT_FOUND = "WorkloadNotFound"
    TRAIT_NOT_FOUND = "TraitNotFound"
    PROJECT_NOT_FOUND = "ProjectNotFound"
    DEPLOYMENT_PIPELINE_NOT_FOUND = "DeploymentPipelineNotFound"
    AUTO_DEPLOY_FAILED = "AutoDeployFailed"
    FINALIZING = "Finalizing"


class ReleaseBindingCondition(StrEnum):
    """Condition types of ReleaseBinding, parts before the aggregate."""

    RELEASE_SYNCED = "ReleaseSynced"
    CONNECTIONS_RESOLVED = "ConnectionsResolved"
    RESOURCE_DEPENDENCIES_READY = "ResourceDependenciesReady"
    RESOURCES_READY = "ResourcesReady"
    READY = "Ready"
    FINALIZING = "Finalizing"


class ReleaseBindingReason(StrEnum):
    """Reasons of ReleaseBinding."""

    RELEASE_CREATED = "ReleaseCreated"
    RELEASE_SYNCED = "ReleaseSynced"
    COMPONENT_RELEASE_NOT_FOUND = "ComponentReleaseNotFound"
    INVALID_RELEASE_CONFIGURATION = "InvalidReleaseConfiguration"
    ENVIRONMENT_NOT_FOUND = "EnvironmentNotFound"
    DATA_PLANE_NOT_FOUND = "DataPlaneNotFound"
    COMPONENT_NOT_FOUND = "ComponentNotFound"
    PROJECT_NOT_FOUND = "ProjectNotFound"
    RENDERING_FAILED = "RenderingFailed"
    RELEASE_OWNERSHIP_CONFLICT = "ReleaseOwnershipConflict"
    RELEASE_UPDATE_FAILED = "ReleaseUpdateFailed"
    RELEASE_DELETION_FAILED = "ReleaseDeletionFailed"
    RESOURCES_UNDEPLOYED = "ResourcesUndeployed"
    NO_CONNECTIONS = "NoConnections"
    ALL_CONNECTIONS_RESOLVED = "AllConnectionsResolved"
    CONNECTIONS_PENDING = "ConnectionsPending"
    NO_RESOURCE_DEPENDENCIES = "NoResourceDependencies"
    ALL_RESOURCE_DEPENDENCIES_READY = "AllResourceDependenciesReady"
    RESOURCE_DEPENDENCIES_PENDING = "ResourceDependenciesPending"
    READY = "Ready"
    READY_WITH_SUSPENDED_RESOURCES = "ReadyWithSuspendedResources"
    CRON_JOB_SCHEDULED = "CronJobScheduled"
    CRON_JOB_SUSPENDED = "CronJobSuspended"
    JOB_COMPLETED = "JobCompleted"
    JOB_RUNNING = "JobRunning"
    JOB_FAILED = "JobFailed"
    RESOURCE_APPLY_FAILED = "ResourceApplyFailed"
    RESOURCES_PROGRESSING = "ResourcesProgressing"
    RESOURCES_DEGRADED = "ResourcesDegraded"
    RESOURCES_UNKNOWN = "ResourcesUnknown"
    FINALIZING = "Finalizing"


class RenderedReleaseCondition(StrEnum):
    """Condition types of RenderedRelease."""

    RESOURCES_APPLIED = "ResourcesApplied"
    FINALIZING = "Finalizing"


class RenderedReleaseReason(StrEnum):
    """Reasons of RenderedRelease."""

    APPLY_SUCCEEDED = "ApplySucceeded"
    APPLY_FAILED = "ApplyFailed"
    # Ours: upstream leaves what it wrote last.
    PLANE_UNREACHABLE = "PlaneUnreachable"
    CLEANUP_IN_PROGRESS = "CleanupInProgress"
    CLEANUP_FAILED = "CleanupFailed"


class ProjectCondition(StrEnum):
    """Condition types of Project."""

    CREATED = "Created"
    READY = "Ready"
    FINALIZING = "Finalizing"


class ProjectReason(StrEnum):
    """Reasons of Project."""

    PROJECT_CREATED = "ProjectCreated"
    RECONCILED = "Reconciled"
    PROJECT_TYPE_NOT_FOUND = "ProjectTypeNotFound"
    PROJECT_FINALIZING = "ProjectFinalizing"


class ProjectReleaseBindingCondition(StrEnum):
    """Condition types of ProjectReleaseBinding, parts before the aggregate."""

    SYNCED = "Synced"
    NAMESPACE_READY = "NamespaceReady"
    RESOURCES_READY = "ResourcesReady"
    READY = "Ready"
    FINALIZING = "Finalizing"


class ProjectReleaseBindingReason(StrEnum):
    """Reasons of ProjectReleaseBinding."""

    RELEASE_CREATED = "ReleaseCreated"
    RELEASE_SYNCED = "ReleaseSynced"
    PROJECT_RELEASE_NOT_SET = "ProjectReleaseNotSet"
    PROJECT_RELEASE_NOT_FOUND = "ProjectReleaseNotFound"
    INVALID_RELEASE_CONFIGURATION = "InvalidReleaseConfiguration"
    ENVIRONMENT_NOT_FOUND = "EnvironmentNotFound"
    DATA_PLANE_NOT_FOUND = "DataPlaneNotFound"
    PROJECT_NOT_FOUND = "ProjectNotFound"
    RENDERING_FAILED = "RenderingFailed"
    NAMESPACE_MISSING = "NamespaceMissing"
    RELEASE_OWNERSHIP_CONFLICT = "ReleaseOwnershipConflict"
    RELEASE_UPDATE_FAILED = "ReleaseUpdateFailed"
    NAMESPACE_READY = "NamespaceReady"
    NAMESPACE_PROGRESSING = "NamespaceProgressing"
    NAMESPACE_DEGRADED = "NamespaceDegraded"
    RESOURCES_READY = "ResourcesReady"
    RESOURCES_PROGRESSING = "ResourcesProgressing"
    RESOURCES_DEGRADED = "ResourcesDegraded"
    RESOURCE_APPLY_FAILED = "ResourceApplyFailed"
    SYNCED_NOT_READY = "SyncedNotReady"
    READY = "Ready"
    FINALIZING = "Finalizing"


class ResourceCondition(StrEnum):
    """Condition types of Resource."""

    READY = "Ready"
    FINALIZING = "Finalizing"


class ResourceReason(StrEnum):
    """Reasons of Resource."""

    RECONCILED = "Reconciled"
    RESOURCE_TYPE_NOT_FOUND = "ResourceTypeNotFound"
    FINALIZING = "Finalizing"


class ResourceReleaseBindingCondition(StrEnum):
    """Condition types of ResourceReleaseBinding, parts before the aggregate."""

    SYNCED = "Synced"
    RESOURCES_READY = "ResourcesReady"
    OUTPUTS_RESOLVED = "OutputsResolved"
    READY = "Ready"
    FINALIZING = "Finalizing"


class ResourceReleaseBindingReason(StrEnum):
    """Reasons of ResourceReleaseBinding."""

    RELEASE_CREATED = "ReleaseCreated"
    RELEASE_SYNCED = "ReleaseSynced"
    RESOURCE_RELEASE_NOT_SET = "ResourceReleaseNotSet"
    RESOURCE_RELEASE_NOT_FOUND = "ResourceReleaseNotFound"
    INVALID_RELEASE_CONFIGURATION = "InvalidReleaseConfiguration"
    ENVIRONMENT_NOT_FOUND = "EnvironmentNotFound"
    DATA_PLANE_NOT_FOUND = "DataPlaneNotFound"
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    PROJECT_NOT_FOUND = "ProjectNotFound"
    RENDERING_FAILED = "RenderingFailed"
    RELEASE_OWNERSHIP_CONFLICT = "ReleaseOwnershipConflict"
    RELEASE_UPDATE_FAILED = "ReleaseUpdateFailed"
    RESOURCES_READY = "ResourcesReady"
    RESOURCES_PROGRESSING = "ResourcesProgressing"
    RESOURCES_DEGRADED = "ResourcesDegraded"
    RESOURCE_APPLY_FAILED = "ResourceApplyFailed"
    OUTPUTS_RESOLVED = "OutputsResolved"
    OUTPUT_RESOLUTION_FAILED = "OutputResolutionFailed"
    SYNCED_NOT_READY = "SyncedNotReady"
    READY = "Ready"
    FINALIZING = "Finalizing"
    RETAIN_HOLD = "RetainHold"


class WorkflowRunCondition(StrEnum):
    """Condition types of WorkflowRun."""

    WORKFLOW_RUNNING = "WorkflowRunning"
    WORKFLOW_SUCCEEDED = "WorkflowSucceeded"
    WORKFLOW_FAILED = "WorkflowFailed"
    WORKFLOW_COMPLETED = "WorkflowCompleted"
    FINALIZING = "Finalizing"


class WorkflowRunReason(StrEnum):
    """Reasons of WorkflowRun."""

    WORKFLOW_PENDING = "WorkflowPending"
    WORKFLOW_RUNNING = "WorkflowRunning"
    WORKFLOW_SUCCEEDED = "WorkflowSucceeded"
    WORKFLOW_FAILED = "WorkflowFailed"
    COMPONENT_VALIDATION_FAILED = "ComponentValidationFailed"
    WORKFLOW_RESOLUTION_FAILED = "WorkflowResolutionFailed"
    WORKFLOW_PLANE_NOT_FOUND = "WorkflowPlaneNotFound"
    WORKFLOW_PLANE_RESOLUTION_FAILED = "WorkflowPlaneResolutionFailed"
    CLEANUP_FAILED = "CleanupFailed"


class DeploymentPipelineCondition(StrEnum):
    """Condition types of DeploymentPipeline."""

    AVAILABLE = "Available"


class DeploymentPipelineReason(StrEnum):
    """Reasons of DeploymentPipeline."""

    DEPLOYMENT_PIPELINE_AVAILABLE = "DeploymentPipelineAvailable"
    DELETION_BLOCKED = "DeletionBlocked"


class EnvironmentCondition(StrEnum):
    """Condition types of Environment."""

    READY = "Ready"


class EnvironmentReason(StrEnum):
    """Reasons of Environment."""

    ENVIRONMENT_READY = "EnvironmentReady"
    DELETION_BLOCKED = "DeletionBlocked"
    ENVIRONMENT_FINALIZING = "EnvironmentFinalizing"
    RELEASE_BINDINGS_PENDING = "ReleaseBindingsPending"


class PlaneCondition(StrEnum):
    """Condition types of the six plane kinds; only DataPlane has `Finalizing`."""

    CREATED = "Created"
    FINALIZING = "Finalizing"


class PlaneReason(StrEnum):
    """Reasons of the six plane kinds."""

    DATA_PLANE_CREATED = "DataPlaneCreated"
    CLUSTER_DATA_PLANE_CREATED = "ClusterDataPlaneCreated"
    WORKFLOW_PLANE_CREATED = "WorkflowPlaneCreated"
    CLUSTER_WORKFLOW_PLANE_CREATED = "ClusterWorkflowPlaneCreated"
    OBSERVABILITY_PLANE_CREATED = "ObservabilityPlaneCreated"
    CLUSTER_OBSERVABILITY_PLANE_CREATED = "ClusterObservabilityPlaneCreated"
    # The odd spelling is upstream's; other programs match on it.
    DATA_PLANE_FINALIZING = "DataplaneFinalizing"
    DELETION_BLOCKED = "DeletionBlocked"


class AlertRuleCondition(StrEnum):
    """Condition types of ObservabilityAlertRule."""

    SYNCED = "Synced"


class AlertRuleReason(StrEnum):
    """Reasons of ObservabilityAlertRule."""

    SYNC_SUCCEEDED = "SyncSucceeded"
    SYNC_NOT_SYNCED = "SyncNotSynced"
    SYNC_FAILED = "SyncFailed"
