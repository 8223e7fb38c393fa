"""Controllers of pods: apps, batch, autoscaling, disruption budgets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import split_api_version
from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    SELECTOR,
    Object,
    Printer,
    column,
    wide,
)

_JOB_STATES = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _template(obj: Object, path: str = "spec.template.spec") -> list[str]:
    return cells.containers(cells.get(obj, path))


def _count(obj: Object, path: str) -> int:
    return int(cells.get(obj, path, 0))


def _deployment(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        f"{_count(obj, 'status.readyReplicas')}/{_count(obj, 'spec.replicas')}",
        _count(obj, "status.updatedReplicas"),
        _count(obj, "status.availableReplicas"),
        cells.age(obj, now),
        *_template(obj),
        cells.selector(cells.get(obj, "spec.selector"), nothing=""),
    ]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    return [
        *_replica_counts(obj, now),
        *_template(obj),
        cells.selector(cells.get(obj, "spec.selector")),
    ]


def _replication_controller(obj: Object, now: datetime) -> list[Any]:
    return [
        *_replica_counts(obj, now),
        *_template(obj),
        cells.labels(cells.get(obj, "spec.selector")),
    ]


def _replica_counts(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        _count(obj, "spec.replicas"),
        _count(obj, "status.replicas"),
        _count(obj, "status.readyReplicas"),
        cells.age(obj, now),
    ]


def _stateful_set(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        f"{_count(obj, 'status.readyReplicas')}/{_count(obj, 'spec.replicas')}",
        cells.age(obj, now),
        *_template(obj),
    ]


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        _count(obj, "status.desiredNumberScheduled"),
        _count(obj, "status.currentNumberScheduled"),
        _count(obj, "status.numberReady"),
        _count(obj, "status.updatedNumberScheduled"),
        _count(obj, "status.numberAvailable"),
        cells.labels(cells.get(obj, "spec.template.spec.nodeSelector")),
        cells.age(obj, now),
        *_template(obj),
        cells.selector(cells.get(obj, "spec.selector")),
    ]


def _controller_revision(obj: Object, now: datetime) -> list[Any]:
    controller = cells.NONE
    for owner in cells.get(obj, "metadata.ownerReferences", ()):
        if owner.get("controller"):
            group, _ = split_api_version(owner.get("apiVersion", ""))
            kind = f"{owner.get('kind', '')}.{group}".rstrip(".").lower()
            controller = f"{kind}/{owner.get('name', '')}"
    return [cells.name(obj), controller, _count(obj, "revision"), cells.age(obj, now)]


def _job(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        _job_state(obj),
        _completions(obj),
        _job_duration(obj, now),
        cells.age(obj, now),
        *_template(obj),
        cells.selector(cells.get(obj, "spec.selector")),
    ]


def _job_state(obj: Object) -> str:
    conditions = cells.get(obj, "status.conditions", ())
    if cells.is_condition_true(conditions, "Complete"):
        return "Complete"
    if cells.is_condition_true(conditions, "Failed"):
        return "Failed"
    if cells.get(obj, "metadata.deletionTimestamp"):
        return "Terminating"
    for type_, state in _JOB_STATES:
        if cells.is_condition_true(conditions, type_):
            return state
    return "Running"


def _completions(obj: Object) -> str:
    succeeded, wanted = _count(obj, "status.succeeded"), cells.get(obj, "spec.completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = _count(obj, "spec.parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: Object, now: datetime) -> str:
    start, end = cells.get(obj, "status.startTime"), cells.get(obj, "status.completionTime")
    if start is None:
        return ""
    return cells.since(start, clock.parse_timestamp(end) if end else now)


def _cron_job(obj: Object, now: datetime) -> list[Any]:
    last = cells.get(obj, "status.lastScheduleTime")
    template = cells.get(obj, "spec.jobTemplate.spec", {})
    return [
        cells.name(obj),
        cells.get(obj, "spec.schedule", ""),
        cells.get(obj, "spec.timeZone", cells.NONE),
        cells.true_false(cells.get(obj, "spec.suspend")),
        len(cells.get(obj, "status.active", ())),
        cells.since(last, now) if last else cells.NONE,
        cells.age(obj, now),
        *_template(template, "template.spec"),
        cells.selector(template.get("selector")),
    ]


def _disruption_budget(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        str(cells.get(obj, "spec.minAvailable", "N/A")),
        str(cells.get(obj, "spec.maxUnavailable", "N/A")),
        _count(obj, "status.disruptionsAllowed"),
        cells.age(obj, now),
    ]


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    target = cells.get(obj, "spec.scaleTargetRef", {})
    return [
        cells.name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(obj),
        str(cells.get(obj, "spec.minReplicas", cells.UNSET)),
        _count(obj, "spec.maxReplicas"),
        _count(obj, "status.currentReplicas"),
        cells.age(obj, now),
    ]


def _targets(obj: Object) -> str:
    metrics, current = _metrics(obj)
    shown = [
        _target(metric, current[index] if index < len(current) else {})
        for index, metric in enumerate(metrics)
    ]
    if not shown:
        return cells.NONE
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return ", ".join(shown[:2]) + more


def _metrics(obj: Object) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Wanted and current metrics; autoscaling/v1 has fields of its own for the one it knows."""
    wanted = list(cells.get(obj, "spec.metrics", ()))
    current = list(cells.get(obj, "status.currentMetrics", ()))
    cpu = cells.get(obj, "spec.targetCPUUtilizationPercentage")
    if cpu is not None:
        wanted.append(_cpu("target", cpu))
        now = cells.get(obj, "status.currentCPUUtilizationPercentage")
        if now is not None:
            current.append(_cpu("current", now))
    return wanted, current


def _cpu(key: str, percentage: Any) -> dict[str, Any]:
    return {
        "type": "Resource",
        "resource": {"name": "cpu", key: {"averageUtilization": percentage}},
    }


def _target(metric: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    type_ = str(metric.get("type") or "")
    key = type_[:1].lower() + type_[1:]
    wanted = cells.get(metric, f"{key}.target", {})
    current = cells.get(status, f"{key}.current", {})
    if type_ in ("Resource", "ContainerResource"):
        return f"{cells.get(metric, f'{key}.name', '')}: {_resource_target(wanted, current)}"
    if type_ == "Pods":
        return f"{current.get('averageValue', cells.UNKNOWN)}/{wanted.get('averageValue', '0')}"
    if type_ not in ("External", "Object"):
        return "<unknown type>"
    if wanted.get("averageValue") is not None:
        return f"{current.get('averageValue', cells.UNKNOWN)}/{wanted['averageValue']} (avg)"
    return f"{current.get('value', cells.UNKNOWN)}/{wanted.get('value', '0')}"


def _resource_target(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    if wanted.get("averageValue") is not None:
        return f"{current.get('averageValue', cells.UNKNOWN)}/{wanted['averageValue']}"
    used, aimed = current.get("averageUtilization"), wanted.get("averageUtilization")
    return (
        f"{cells.UNKNOWN if used is None else f'{used}%'}/"
        f"{'<auto>' if aimed is None else f'{aimed}%'}"
    )


_AUTOSCALER = Printer(
    (
        NAME,
        column("Reference", "What is scaled."),
        column("Targets", "Measured and wanted value of each metric."),
        column("MinPods", "Fewest replicas that may be left."),
        column("MaxPods", "Most replicas that may be made."),
        column("Replicas", "Replicas at the last look."),
        AGE,
    ),
    _autoscaler,
)
_REPLICAS = (
    NAME,
    column("Desired", "Replicas that are wanted.", type="integer"),
    column("Current", "Replicas that exist.", type="integer"),
    column("Ready", "Replicas whose pods are ready.", type="integer"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)
PRINTERS = {
    ("apps", "Deployment"): Printer(
        (
            NAME,
            column("Ready", "Ready and wanted replicas."),
            column("Up-to-date", "Replicas made from the newest template."),
            column("Available", "Replicas ready for long enough."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ),
        _deployment,
    ),
    ("apps", "ReplicaSet"): Printer(_REPLICAS, _replica_set),
    ("", "ReplicationController"): Printer(_REPLICAS, _replication_controller),
    ("apps", "StatefulSet"): Printer(
        (NAME, column("Ready", "Ready and wanted replicas."), AGE, CONTAINERS, IMAGES),
        _stateful_set,
    ),
    ("apps", "DaemonSet"): Printer(
        (
            NAME,
            column("Desired", "Nodes that should run a pod.", type="integer"),
            column("Current", "Nodes that have a pod and should.", type="integer"),
            column("Ready", "Nodes whose pod is ready.", type="integer"),
            column("Up-to-date", "Nodes whose pod is of the newest template.", type="integer"),
            column("Available", "Nodes whose pod was ready for long enough.", type="integer"),
            column("Node Selector", "Labels of the nodes that should run a pod."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ),
        _daemon_set,
    ),
    ("apps", "ControllerRevision"): Printer(
        (
            NAME,
            column("Controller", "Object that the revision belongs to."),
            column("Revision", "Number of the revision."),
            AGE,
        ),
        _controller_revision,
    ),
    ("batch", "Job"): Printer(
        (
            NAME,
            column("Status", "How far the job is."),
            column("Completions", "Pods that succeeded, of those that have to."),
            column("Duration", "Time from start to end, or until now."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ),
        _job,
    ),
    ("batch", "CronJob"): Printer(
        (
            NAME,
            column("Schedule", "When jobs are made, in cron's form."),
            column("Timezone", "Time zone of the schedule."),
            column("Suspend", "Whether no more jobs are made.", type="boolean"),
            column("Active", "Jobs that run.", type="integer"),
            column("Last Schedule", "Time since the last job was made."),
            AGE,
            CONTAINERS,
            IMAGES,
            wide("Selector", "Labels of the pods of the jobs."),
        ),
        _cron_job,
    ),
    ("policy", "PodDisruptionBudget"): Printer(
        (
            NAME,
            column("Min Available", "Pods that must stay available."),
            column("Max Unavailable", "Pods that may be unavailable."),
            column("Allowed Disruptions", "Pods that may be evicted now.", type="integer"),
            AGE,
        ),
        _disruption_budget,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): _AUTOSCALER,
}
