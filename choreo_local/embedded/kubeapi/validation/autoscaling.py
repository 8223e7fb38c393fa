"""Autoscalers: what they scale, between which bounds, and by which metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, resources
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_MAX_PERIOD, _MAX_WINDOW = 1800, 3600
# Each source and the type that asks for it.
_SOURCES = {
    "object": "Object",
    "external": "External",
    "pods": "Pods",
    "resource": "Resource",
    "containerResource": "ContainerResource",
}
_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")


def validate(obj: Manifest) -> Problems:
    """The problems of a new autoscaler."""
    yield from _spec(obj["spec"], None)


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed autoscaler."""
    yield from _spec(new["spec"], old["spec"])


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    yield from checks.all_not_negative(
        "status", new.get("status") or {}, "currentReplicas", "desiredReplicas"
    )


def _spec(spec: Object, before: Object | None) -> Problems:
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    bound = 0 if before is not None and before.get("minReplicas") == 0 else 1
    if low is not None and low < bound:
        yield fielderrors.invalid_value(
            "spec.minReplicas", low, f"must be greater than or equal to {bound}"
        )
    if high == 0:
        yield fielderrors.required("spec.maxReplicas", "must be set and greater than 0")
    elif high < 0:
        yield fielderrors.invalid_value(
            "spec.maxReplicas", high, "must be greater than or equal to 1"
        )
    if low is not None and high < low:
        yield fielderrors.invalid_value(
            "spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"
        )
    yield from _target(spec, before)
    yield from _metrics(spec.get("metrics") or (), low)
    for field in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(field)
        if rules is not None:
            yield from _rules(f"spec.behavior.{field}", rules)


def _target(spec: Object, before: Object | None) -> Problems:
    reference = spec.get("scaleTargetRef") or {}
    known = None if before is None else before.get("scaleTargetRef") or {}
    is_known = known is not None and all(
        known.get(field) == reference.get(field) for field in ("apiVersion", "kind")
    )
    # Replication controllers have no group.
    needs_group = reference.get("kind") != "ReplicationController"
    yield from _reference(
        "spec.scaleTargetRef", reference, check_version=not is_known, needs_group=needs_group
    )


def _reference(
    path: str, reference: Object, *, check_version: bool = True, needs_group: bool = False
) -> Problems:
    for field in ("kind", "name"):
        if not reference.get(field):
            yield fielderrors.required(f"{path}.{field}")
        else:
            yield from checks.fits(f"{path}.{field}", reference[field], names.path_segment)
    version = reference.get("apiVersion") or ""
    if not check_version:
        return
    if version.count("/") > 1:
        yield fielderrors.invalid_value(
            f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}"
        )
    elif needs_group and not version.rpartition("/")[0]:
        yield fielderrors.invalid_value(
            f"{path}.apiVersion", version, "apiVersion must specify API group"
        )


def _metrics(metrics: Sequence[Object], low: int | None) -> Problems:
    for index, metric in enumerate(metrics):
        yield from _metric(f"spec.metrics[{index}]", metric)
    if low == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        yield fielderrors.forbidden(
            "spec.metrics",
            "must specify at least one Object or External metric to support scaling to zero "
            "replicas",
        )


def _metric(path: str, metric: Object) -> Problems:
    type_ = metric.get("type") or ""
    if not type_:
        yield fielderrors.required(f"{path}.type", "must specify a metric source type")
    yield from checks.one_of(f"{path}.type", type_, _TYPES)
    given = [field for field in _SOURCES if metric.get(field) is not None]
    for field in given[:1]:
        yield from _source(f"{path}.{field}", field, metric[field])
    wanted = next((field for field, name in _SOURCES.items() if name == type_), "")
    if not wanted:
        yield from checks.one_of(f"{path}.type", type_, _TYPES)
    elif wanted not in given:
        yield fielderrors.required(
            f"{path}.{wanted}", "must populate information for the given metric source"
        )
    if len(given) != 1:
        for field in sorted(set(given) - {wanted}):
            yield fielderrors.forbidden(
                f"{path}.{field}", "must populate the given metric source only"
            )


def _source(path: str, kind: str, source: Object) -> Problems:
    if kind == "object":
        yield from _reference(f"{path}.describedObject", source.get("describedObject") or {})
    if kind in ("object", "external", "pods"):
        yield from _identifier(f"{path}.metric", source.get("metric") or {})
    else:
        yield from _resource(path, kind, source)
    target = source.get("target") or {}
    yield from _metric_target(f"{path}.target", target)
    yield from _one_target(f"{path}.target", kind, target)


def _identifier(path: str, metric: Object) -> Problems:
    name = metric.get("name") or ""
    if not name:
        yield fielderrors.required(f"{path}.name", "must specify a metric name")
    else:
        yield from checks.fits(f"{path}.name", name, names.path_segment)


def _resource(path: str, kind: str, source: Object) -> Problems:
    name = source.get("name") or ""
    if not name:
        yield fielderrors.required(f"{path}.name", "must specify a resource name")
    elif kind == "containerResource":
        yield from resources.container_resource_name(f"{path}.name", name)
    if kind == "containerResource":
        container = source.get("container") or ""
        if not container:
            yield fielderrors.required(f"{path}.container", "must specify a container")
        else:
            yield from checks.fits(f"{path}.container", container, names.dns_label)


def _metric_target(path: str, target: Object) -> Problems:
    type_ = target.get("type") or ""
    if not type_:
        yield fielderrors.required(f"{path}.type", "must specify a metric target type")
    if type_ not in ("Utilization", "Value", "AverageValue"):
        yield fielderrors.invalid_value(
            f"{path}.type", type_, "must be either Utilization, Value, or AverageValue"
        )
    for field in ("value", "averageValue"):
        if target.get(field) is not None and checks.nanos(target[field]) <= 0:
            yield fielderrors.invalid_value(f"{path}.{field}", target[field], "must be positive")
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        yield fielderrors.invalid_value(
            f"{path}.averageUtilization", share, "must be greater than 0"
        )


def _one_target(path: str, kind: str, target: Object) -> Problems:
    value, average, share = (
        target.get(field) is not None for field in ("value", "averageValue", "averageUtilization")
    )
    if kind == "object" and not value and not average:
        yield fielderrors.required(
            f"{path}.averageValue", "must set either a target value or averageValue"
        )
    elif kind == "pods" and not average:
        yield fielderrors.required(
            f"{path}.averageValue", "must specify a positive target averageValue"
        )
    elif kind == "external":
        yield from _one_external_target(path, value=value, average=average)
    elif kind in ("resource", "containerResource"):
        yield from _one_resource_target(path, share=share, average=average)


def _one_external_target(path: str, *, value: bool, average: bool) -> Problems:
    if not value and not average:
        yield fielderrors.required(
            f"{path}.averageValue",
            "must set either a target value for metric or a per-pod target",
        )
    if value and average:
        yield fielderrors.forbidden(
            f"{path}.value", "may not set both a target value for metric and a per-pod target"
        )


def _one_resource_target(path: str, *, share: bool, average: bool) -> Problems:
    if not share and not average:
        yield fielderrors.required(
            f"{path}.averageUtilization",
            "must set either a target raw value or a target utilization",
        )
    if share and average:
        yield fielderrors.forbidden(
            f"{path}.averageValue", "may not set both a target raw value and a target utilization"
        )


def _rules(path: str, rules: Object) -> Problems:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        yield fielderrors.invalid_value(
            f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"
        )
    elif window is not None and window > _MAX_WINDOW:
        yield fielderrors.invalid_value(
            f"{path}.stabilizationWindowSeconds",
            window,
            f"must be less than or equal to {_MAX_WINDOW}",
        )
    if rules.get("selectPolicy") is not None:
        yield from checks.one_of(
            f"{path}.selectPolicy", rules["selectPolicy"], ("Disabled", "Max", "Min")
        )
    if not rules.get("policies"):
        yield fielderrors.required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        yield from _policy(f"{path}.policies[{index}]", policy)
    if rules.get("tolerance") is not None:
        yield from checks.amount(f"{path}.tolerance", rules["tolerance"])


def _policy(path: str, policy: Object) -> Problems:
    yield from checks.one_of(f"{path}.type", policy.get("type") or "", ("Percent", "Pods"))
    for field in ("value", "periodSeconds"):
        number = policy.get(field) or 0
        if number <= 0:
            yield fielderrors.invalid_value(f"{path}.{field}", number, "must be greater than zero")
    period = policy.get("periodSeconds") or 0
    if period > _MAX_PERIOD:
        yield fielderrors.invalid_value(
            f"{path}.periodSeconds", period, f"must be less than or equal to {_MAX_PERIOD}"
        )
