"""Rules of the kinds of the core group."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import (
    claims,
    configuration,
    endpoints,
    events,
    limits,
    names,
    namespaces,
    nodes,
    podparts,
    pods,
    podupdates,
    quotas,
    replicas,
    services,
    workloads,
)
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "Binding": Rules(name=names.path_segment),
    "ConfigMap": Rules(configuration.validate_map, configuration.validate_map_update),
    "Endpoints": Rules(endpoints.validate, endpoints.validate_update),
    "Event": Rules(
        events.validate_old,
        events.validate_old_update,
        name=names.path_segment,
        repeats=False,
        any_finalizer=True,
    ),
    "LimitRange": Rules(limits.validate, limits.validate_update),
    "Namespace": Rules(
        namespaces.validate,
        subresources={
            "finalize": namespaces.validate_finalizers,
            "status": namespaces.validate_status,
        },
        name=names.dns_label,
        namespaced=False,
    ),
    "Node": Rules(
        nodes.validate,
        nodes.validate_update,
        subresources={"status": nodes.validate_update},
        namespaced=False,
        repeats=False,
    ),
    "PersistentVolume": Rules(
        claims.validate_volume, claims.validate_volume_update, namespaced=False
    ),
    "PersistentVolumeClaim": Rules(claims.validate, claims.validate_update),
    "Pod": Rules(
        pods.validate_new,
        podupdates.validate,
        subresources={
            "ephemeralcontainers": podparts.validate_ephemeral,
            "resize": podparts.validate_resize,
            "status": podupdates.validate_status,
        },
    ),
    "PodTemplate": Rules(workloads.validate_pod_template, workloads.validate_pod_template_update),
    "ReplicationController": Rules(
        workloads.validate_controller,
        workloads.validate_controller_update,
        subresources={"status": replicas.of_replica_set},
    ),
    "ResourceQuota": Rules(
        quotas.validate,
        quotas.validate_update,
        subresources={"status": quotas.validate_status},
        repeats=False,
    ),
    "Secret": Rules(configuration.validate_secret, configuration.validate_secret_update),
    "Service": Rules(
        services.validate,
        services.validate_update,
        subresources={"status": services.validate_status},
        name=names.dns_label,
        repeats=False,
    ),
    "ServiceAccount": Rules(),
}
