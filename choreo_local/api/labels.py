"""Label, annotation and finalizer keys of OpenChoreo, and the well-known values of some of them.

Used by every part that writes or selects OpenChoreo objects; imports nothing, so it is free.
"""

from __future__ import annotations

GROUP = "openchoreo.dev"
VERSION = "v1alpha1"
API_VERSION = "openchoreo.dev/v1alpha1"
PREFIX = "openchoreo.dev/"

# Labels: the owners of an object, by name …
NAMESPACE = "openchoreo.dev/namespace"
PROJECT = "openchoreo.dev/project"
COMPONENT = "openchoreo.dev/component"
RESOURCE = "openchoreo.dev/resource"
ENVIRONMENT = "openchoreo.dev/environment"
NAME = "openchoreo.dev/name"
DATA_PLANE = "openchoreo.dev/dataplane"
WORKFLOW_PLANE = "openchoreo.dev/workflow-plane"

# … and by uid.
PROJECT_UID = "openchoreo.dev/project-uid"
COMPONENT_UID = "openchoreo.dev/component-uid"
RESOURCE_UID = "openchoreo.dev/resource-uid"
ENVIRONMENT_UID = "openchoreo.dev/environment-uid"

# Labels of objects on the planes: which RenderedRelease or WorkflowRun put them there.
MANAGED_BY = "openchoreo.dev/managed-by"
CREATED_BY = "openchoreo.dev/created-by"
RENDERED_RELEASE_RESOURCE_ID = "openchoreo.dev/rendered-release-resource-id"
RENDERED_RELEASE_UID = "openchoreo.dev/rendered-release-uid"
RENDERED_RELEASE_NAME = "openchoreo.dev/rendered-release-name"
RENDERED_RELEASE_NAMESPACE = "openchoreo.dev/rendered-release-namespace"
WORKFLOW_RUN = "openchoreo.dev/workflowrun"
WORKFLOW_RUN_NAMESPACE = "openchoreo.dev/workflowrun-namespace"
NOTIFICATION_CHANNEL_NAME = "openchoreo.dev/notification-channel-name"

# Labels that say what an object is.
CONTROL_PLANE = "openchoreo.dev/control-plane"
SYSTEM_COMPONENT = "openchoreo.dev/system-component"
WORKFLOW_TYPE = "openchoreo.dev/workflow-type"
ENDPOINT_NAME = "openchoreo.dev/endpoint-name"
ENDPOINT_VISIBILITY = "openchoreo.dev/endpoint-visibility"
SECRET_TYPE = "openchoreo.dev/secret-type"
KUBERNETES_SECRET_TYPE = "kubernetes.io/secret-type"
WORKFLOW_PLANE_KIND = "openchoreo.dev/workflow-plane-kind"
WORKFLOW_PLANE_NAME = "openchoreo.dev/workflow-plane-name"
APP_NAME = "app.kubernetes.io/name"
APP_MANAGED_BY = "app.kubernetes.io/managed-by"

# Annotations.
DISPLAY_NAME = "openchoreo.dev/display-name"
DESCRIPTION = "openchoreo.dev/description"
RESTARTED_AT = "openchoreo.dev/restartedAt"
RESOURCE_HASH = "openchoreo.dev/dp-resource-hash"
ENDPOINT_BASE_PATH = "openchoreo.dev/endpoint-base-path"
NETWORK_POLICY_PROVIDER = "openchoreo.dev/networkpolicyprovider"
WORKLOAD_DESCRIPTOR = "openchoreo.dev/workload"
WORKLOAD_FROM_SOURCE = "openchoreo.dev/workload-from-source"

# Well-known values.
TRUE = "true"
MANAGED_BY_RENDERED_RELEASE = "renderedrelease-controller"
MANAGED_BY_WORKFLOW_RUN = "workflowrun-controller"
MANAGED_BY_NOTIFICATION_CHANNEL = "observabilityalertsnotificationchannel-controller"
MANAGED_BY_API = "openchoreo-api"
MANAGED_BY_CONTROL_PLANE = "openchoreo-control-plane"
WORKFLOW_TYPE_COMPONENT = "component"
SECRET_TYPE_GENERIC = "generic"
SECRET_TYPE_GIT = "git-credentials"
NETWORK_POLICY_CILIUM = "cilium"

# Namespaces of the planes' own components, and the name every default object has.
CONTROL_PLANE_NAMESPACE = "openchoreo-control-plane"
DATA_PLANE_NAMESPACE = "openchoreo-data-plane"
WORKFLOW_PLANE_NAMESPACE = "openchoreo-workflow-plane"
OBSERVABILITY_PLANE_NAMESPACE = "openchoreo-observability-plane"
DEFAULT = "default"

# Finalizers. DataPlane and RenderedRelease share one string.
COMPONENT_FINALIZER = "openchoreo.dev/component-cleanup"
RELEASE_BINDING_FINALIZER = "openchoreo.dev/releasebinding-cleanup"
RENDERED_RELEASE_DATA_PLANE_FINALIZER = "openchoreo.dev/dataplane-cleanup"
RENDERED_RELEASE_OBSERVABILITY_PLANE_FINALIZER = "openchoreo.dev/obsplane-cleanup"
PROJECT_FINALIZER = "openchoreo.dev/project-cleanup"
PROJECT_RELEASE_BINDING_FINALIZER = "openchoreo.dev/projectreleasebinding-cleanup"
RESOURCE_FINALIZER = "openchoreo.dev/resource-cleanup"
RESOURCE_RELEASE_BINDING_FINALIZER = "openchoreo.dev/resourcereleasebinding-cleanup"
WORKFLOW_RUN_FINALIZER = "openchoreo.dev/workflowrun-cleanup"
DEPLOYMENT_PIPELINE_FINALIZER = "openchoreo.dev/deployment-pipeline-cleanup"
ENVIRONMENT_FINALIZER = "openchoreo.dev/environment-cleanup"
DATA_PLANE_FINALIZER = "openchoreo.dev/dataplane-cleanup"
CLUSTER_DATA_PLANE_FINALIZER = "openchoreo.dev/clusterdataplane-cleanup"
WORKFLOW_PLANE_FINALIZER = "openchoreo.dev/workflowplane-cleanup"
CLUSTER_WORKFLOW_PLANE_FINALIZER = "openchoreo.dev/clusterworkflowplane-cleanup"
OBSERVABILITY_PLANE_FINALIZER = "openchoreo.dev/observabilityplane-cleanup"
CLUSTER_OBSERVABILITY_PLANE_FINALIZER = "openchoreo.dev/clusterobservabilityplane-cleanup"
ALERT_RULE_FINALIZER = "openchoreo.dev/alertrule-cleanup"
NOTIFICATION_CHANNEL_FINALIZER = "openchoreo.dev/notification-channel-cleanup"
