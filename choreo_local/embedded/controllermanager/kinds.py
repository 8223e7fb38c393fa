"""The builtin kinds that the control loops read and write."""

from __future__ import annotations

from choreo_local.apimachinery.gvk import ResourceKind

NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
NODES = ResourceKind("", "v1", "Node", "nodes", namespaced=False)
PODS = ResourceKind("", "v1", "Pod", "pods")
SERVICES = ResourceKind("", "v1", "Service", "services")
ENDPOINTS = ResourceKind("", "v1", "Endpoints", "endpoints")
EVENTS = ResourceKind("", "v1", "Event", "events")
CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
SECRETS = ResourceKind("", "v1", "Secret", "secrets")
SERVICE_ACCOUNTS = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")
REPLICATION_CONTROLLERS = ResourceKind("", "v1", "ReplicationController", "replicationcontrollers")
PERSISTENT_VOLUMES = ResourceKind(
    "", "v1", "PersistentVolume", "persistentvolumes", namespaced=False
)
PERSISTENT_VOLUME_CLAIMS = ResourceKind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
RESOURCE_QUOTAS = ResourceKind("", "v1", "ResourceQuota", "resourcequotas")
DEPLOYMENTS = ResourceKind("apps", "v1", "Deployment", "deployments")
REPLICA_SETS = ResourceKind("apps", "v1", "ReplicaSet", "replicasets")
STATEFUL_SETS = ResourceKind("apps", "v1", "StatefulSet", "statefulsets")
DAEMON_SETS = ResourceKind("apps", "v1", "DaemonSet", "daemonsets")
CONTROLLER_REVISIONS = ResourceKind("apps", "v1", "ControllerRevision", "controllerrevisions")
JOBS = ResourceKind("batch", "v1", "Job", "jobs")
CRON_JOBS = ResourceKind("batch", "v1", "CronJob", "cronjobs")
ENDPOINT_SLICES = ResourceKind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
POD_DISRUPTION_BUDGETS = ResourceKind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
HORIZONTAL_POD_AUTOSCALERS = ResourceKind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
CERTIFICATE_REQUESTS = ResourceKind(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    namespaced=False,
)
STORAGE_CLASSES = ResourceKind(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False
)
CUSTOM_RESOURCE_DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
