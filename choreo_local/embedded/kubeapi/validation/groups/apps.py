"""Rules of the kinds of workloads."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import names, replicas, workloads
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "ControllerRevision": Rules(workloads.validate_revision, workloads.validate_revision_update),
    "DaemonSet": Rules(
        workloads.validate_daemon_set,
        workloads.validate_daemon_set_update,
        subresources={"status": replicas.of_daemon_set},
        repeats=False,
    ),
    "Deployment": Rules(
        workloads.validate_deployment,
        workloads.validate_deployment_update,
        subresources={"status": replicas.of_deployment},
        repeats=False,
    ),
    "ReplicaSet": Rules(
        workloads.validate_replica_set,
        workloads.validate_replica_set_update,
        subresources={"status": replicas.of_replica_set},
        repeats=False,
    ),
    "StatefulSet": Rules(
        workloads.validate_stateful_set,
        workloads.validate_stateful_set_update,
        subresources={"status": replicas.of_stateful_set},
        name=names.dns_label,
        repeats=False,
    ),
}
