"""Defaults of apps, batch and autoscaling."""

from __future__ import annotations

import copy
from typing import Any

from choreo_local.embedded.kubeapi.defaults.engine import Object, defaults

_MAX_INT32 = 2**31 - 1
_SCALE_UP: Object = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Object = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_CPU_UTILIZATION = 80


@defaults("apps.v1.Deployment")
def deployment(obj: Object) -> None:
    """A rolling update of a quarter of the pods at a time."""
    spec: Object = obj["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = _member(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _member(parent: Object, name: str) -> Object:
    if parent.get(name) is None:
        parent[name] = {}
    found: Object = parent[name]
    return found


@defaults("apps.v1.ReplicaSet")
def replica_set(obj: Object) -> None:
    """One replica."""
    obj["spec"].setdefault("replicas", 1)


@defaults("apps.v1.DaemonSet")
def daemon_set(obj: Object) -> None:
    """A rolling update of one node at a time."""
    spec: Object = obj["spec"]
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = _member(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


@defaults("apps.v1.StatefulSet")
def stateful_set(obj: Object) -> None:
    """Pods in order, one at a time; claims are kept."""
    spec: Object = obj["spec"]
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        _member(strategy, "rollingUpdate")
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = _member(spec, "persistentVolumeClaimRetentionPolicy")
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    for template in spec.get("volumeClaimTemplates") or ():
        template["apiVersion"], template["kind"] = "v1", "PersistentVolumeClaim"


@defaults("batch.v1.Job")
def job(obj: Object) -> None:
    """One pod that succeeds, with six retries."""
    spec: Object = obj["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    per_index = spec.get("backoffLimitPerIndex") is not None
    spec.setdefault("backoffLimit", _MAX_INT32 if per_index else 6)
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    policy = "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed"
    spec.setdefault("podReplacementPolicy", policy)
    spec.setdefault("manualSelector", False)


@defaults("batch.v1.PodFailurePolicyOnPodConditionsPattern")
def failure_condition(pattern: Object) -> None:
    """A condition that holds."""
    if not pattern.get("status"):
        pattern["status"] = "True"


@defaults("batch.v1.CronJob")
def cron_job(obj: Object) -> None:
    """Jobs may overlap; a few are kept."""
    spec: Object = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


@defaults("autoscaling.v1.HorizontalPodAutoscaler")
def autoscaler_v1(obj: Object) -> None:
    """At least one replica."""
    obj["spec"].setdefault("minReplicas", 1)


@defaults("autoscaling.v2.HorizontalPodAutoscaler")
def autoscaler(obj: Object) -> None:
    """At least one replica, 80 % of the requested CPU."""
    spec: Object = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _CPU_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = _rules(behavior.get("scaleUp"), _SCALE_UP)
        behavior["scaleDown"] = _rules(behavior.get("scaleDown"), _SCALE_DOWN)


def _rules(given: Any, usual: Object) -> Object:
    return {**copy.deepcopy(usual), **(given or {})}
