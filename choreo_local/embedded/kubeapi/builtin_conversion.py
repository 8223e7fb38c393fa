"""Second versions of builtin kinds: autoscaling/v1 of v2, events.k8s.io/v1 of v1. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import scalermetrics, typed

Manifest = dict[str, Any]

_EVENT = GroupVersionKind("events.k8s.io", "v1", "Event")
_CORE_EVENT = GroupVersionKind("", "v1", "Event")
STORED_AS: Mapping[GroupVersionKind, str] = {
    GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler"): "autoscaling/v2",
    _EVENT: "v1",
}
_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"

# Field of events.k8s.io/v1 → field of v1; all others have the same name in both.
_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}


def convert(obj: Manifest, api_version: str) -> Manifest:
    """The object in another version; may change `obj`. Unknown pairs come back as they are."""
    found = _CONVERSIONS.get((obj["kind"], obj["apiVersion"], api_version))
    converted = obj if found is None else found(obj)
    converted["apiVersion"] = api_version
    return converted


def _event_to_core(obj: Manifest) -> Manifest:
    found = {_EVENT_FIELDS.get(name, name): value for name, value in obj.items()}
    typed.shape(_CORE_EVENT, found)
    return found


def _event_from_core(obj: Manifest) -> Manifest:
    names = {core: name for name, core in _EVENT_FIELDS.items()}
    found = {names.get(name, name): value for name, value in obj.items()}
    typed.shape(_EVENT, found)
    return found


def _scaler_to_v2(obj: Manifest) -> Manifest:
    spec = obj.get("spec") or {}
    annotations = dict(obj["metadata"].get("annotations") or {})
    metrics = _annotated_metrics(annotations, _METRICS, current=False)
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        metrics.insert(0, _cpu_metric("target", {"type": "Utilization"}, target))
    if metrics:
        spec["metrics"] = metrics
    behavior = _annotated(annotations, _BEHAVIOR, dict)
    if behavior:
        spec["behavior"] = scalermetrics.behavior_to_v2(behavior)
    status = obj.get("status") or {}
    current = _annotated_metrics(annotations, _CURRENT, current=True)
    used = status.pop("currentCPUUtilizationPercentage", None)
    if used is not None:
        current.insert(0, _cpu_metric("current", {"averageValue": "0"}, used))
    if current:
        status["currentMetrics"] = current
    conditions = _annotated(annotations, _CONDITIONS, list)
    if conditions:
        status["conditions"] = conditions
    _set_annotations(obj["metadata"], annotations)
    return obj


def _annotated(annotations: Manifest, name: str, expected: type) -> Any:
    """What an annotation says; one that cannot be read says nothing, and is gone either way."""
    try:
        found = orjson.loads(annotations.pop(name, "null"))
    except ValueError:
        return None
    return found if isinstance(found, expected) else None


def _annotated_metrics(annotations: Manifest, name: str, *, current: bool) -> list[Manifest]:
    found = _annotated(annotations, name, list) or []
    return [scalermetrics.to_v2(one, current=current) for one in found if isinstance(one, dict)]


def _cpu_metric(field: str, rest: Manifest, percent: int) -> Manifest:
    value = {**rest, "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", field: value}}


def _scaler_to_v1(obj: Manifest) -> Manifest:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    annotations = dict(obj["metadata"].get("annotations") or {})
    target, others = _split_cpu(spec.pop("metrics", None) or [], "target")
    if target is not None:
        spec["targetCPUUtilizationPercentage"] = target
    _annotate(annotations, _METRICS, [scalermetrics.to_v1(one, current=False) for one in others])
    behavior = spec.pop("behavior", None)
    _annotate(annotations, _BEHAVIOR, behavior and scalermetrics.behavior_to_v1(behavior))
    used, rest = _split_cpu(status.pop("currentMetrics", None) or [], "current")
    if used is not None:
        status["currentCPUUtilizationPercentage"] = used
    _annotate(annotations, _CURRENT, [scalermetrics.to_v1(one, current=True) for one in rest])
    _annotate(annotations, _CONDITIONS, status.pop("conditions", None))
    _set_annotations(obj["metadata"], annotations)
    return obj


def _split_cpu(metrics: list[Manifest], field: str) -> tuple[int | None, list[Manifest]]:
    """The percentage of the first metric on CPU utilization, and the other metrics."""
    percent: int | None = None
    others = []
    for metric in metrics:
        resource = metric.get("resource") or {}
        found = (resource.get(field) or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and found is not None:
            percent = found if percent is None else percent
        else:
            others.append(metric)
    return percent, others


def _annotate(annotations: Manifest, name: str, value: Any) -> None:
    if value:
        annotations[name] = orjson.dumps(value).decode()


def _set_annotations(metadata: Manifest, annotations: Manifest) -> None:
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)


_CONVERSIONS: Mapping[tuple[str, str, str], Callable[[Manifest], Manifest]] = {
    ("Event", "events.k8s.io/v1", "v1"): _event_to_core,
    ("Event", "v1", "events.k8s.io/v1"): _event_from_core,
    ("HorizontalPodAutoscaler", "autoscaling/v1", "autoscaling/v2"): _scaler_to_v2,
    ("HorizontalPodAutoscaler", "autoscaling/v2", "autoscaling/v1"): _scaler_to_v1,
}
