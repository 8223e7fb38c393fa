"""The builtin kinds that the kubelet reads and writes."""

from __future__ import annotations

from choreo_local.apimachinery.gvk import ResourceKind

NODES = ResourceKind("", "v1", "Node", "nodes", namespaced=False)
PODS = ResourceKind("", "v1", "Pod", "pods")
SERVICES = ResourceKind("", "v1", "Service", "services")
SERVICE_ACCOUNTS = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
SECRETS = ResourceKind("", "v1", "Secret", "secrets")
EVENTS = ResourceKind("", "v1", "Event", "events")
LEASES = ResourceKind("coordination.k8s.io", "v1", "Lease", "leases")
PERSISTENT_VOLUME_CLAIMS = ResourceKind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
