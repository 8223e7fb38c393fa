"""Metrics of a HorizontalPodAutoscaler in the older form that annotations of autoscaling/v1 have.

There a metric says its target in fields beside its name, where autoscaling/v2 has an object for
each. `builtin_conversion` uses this in both directions. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Manifest = dict[str, Any]

_SOURCES = ("object", "pods", "resource", "containerResource", "external")
_NOTHING = "0"


def to_v1(metric: Manifest, *, current: bool) -> Manifest:
    """A metric, or what one reads now, in the older form."""
    return _converted(metric, _OLDER, "current" if current else "target")


def to_v2(metric: Manifest, *, current: bool) -> Manifest:
    """The same backwards."""
    return _converted(metric, _NEWER, "current" if current else "target")


def behavior_to_v1(behavior: Manifest) -> Manifest:
    """How fast to scale, in the words of Go: all fields, by their Go names."""
    return {
        name: None if behavior.get(field) is None else _rules_to_v1(behavior[field])
        for name, field in (("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown"))
    }


def _rules_to_v1(rules: Manifest) -> Manifest:
    policies = rules.get("policies")
    return {
        "StabilizationWindowSeconds": rules.get("stabilizationWindowSeconds"),
        "SelectPolicy": rules.get("selectPolicy"),
        "Policies": None
        if policies is None
        else [
            {"Type": one["type"], "Value": one["value"], "PeriodSeconds": one["periodSeconds"]}
            for one in policies
        ],
        "Tolerance": rules.get("tolerance"),
    }


def behavior_to_v2(behavior: Any) -> Any:
    """The same backwards; Go does not mind in which case names are written."""
    if isinstance(behavior, list):
        return [behavior_to_v2(one) for one in behavior]
    if not isinstance(behavior, dict):
        return behavior
    return {
        f"{name[:1].lower()}{name[1:]}": behavior_to_v2(value)
        for name, value in behavior.items()
        if value is not None
    }


def _ordered(reference: Any, names: tuple[str, ...]) -> Any:
    if not isinstance(reference, dict):
        return reference
    return {name: reference[name] for name in names if name in reference}


def _converted(
    metric: Manifest, converters: Mapping[str, Callable[[Manifest, str], Manifest]], side: str
) -> Manifest:
    converted: Manifest = {"type": metric.get("type") or ""}
    for name in _SOURCES:
        source = metric.get(name)
        if isinstance(source, dict):
            found = converters[name](source, side)
            converted[name] = {key: value for key, value in found.items() if value is not None}
    return converted


def _field(side: str, suffix: str) -> str:
    return f"{side}{suffix}"


def _object_to_v1(source: Manifest, side: str) -> Manifest:
    metric, value = source.get("metric") or {}, source.get(side) or {}
    return {
        "target": _ordered(source.get("describedObject"), ("kind", "name", "apiVersion")),
        "metricName": metric.get("name") or "",
        _field(side, "Value"): value.get("value") or _NOTHING,
        "selector": metric.get("selector"),
        "averageValue": value.get("averageValue"),
    }


def _object_to_v2(source: Manifest, side: str) -> Manifest:
    average = source.get("averageValue")
    value: Manifest = {"averageValue": average}
    if average is None:
        value = {"value": source.get(_field(side, "Value")) or _NOTHING}
    return {
        "describedObject": source.get("target"),
        side: _typed(value, side),
        "metric": _metric(source, "selector"),
    }


def _pods_to_v1(source: Manifest, side: str) -> Manifest:
    metric, value = source.get("metric") or {}, source.get(side) or {}
    return {
        "metricName": metric.get("name") or "",
        _field(side, "AverageValue"): value.get("averageValue") or _NOTHING,
        "selector": metric.get("selector"),
    }


def _pods_to_v2(source: Manifest, side: str) -> Manifest:
    value = {"averageValue": source.get(_field(side, "AverageValue")) or _NOTHING}
    return {"metric": _metric(source, "selector"), side: _typed(value, side)}


def _resource_to_v1(source: Manifest, side: str) -> Manifest:
    value = source.get(side) or {}
    average = value.get("averageValue")
    if average is None and side == "current":
        average = _NOTHING
    return {
        "name": source.get("name") or "",
        _field(side, "AverageUtilization"): value.get("averageUtilization"),
        _field(side, "AverageValue"): average,
        "container": source.get("container"),
    }


def _resource_to_v2(source: Manifest, side: str) -> Manifest:
    value = {
        "averageUtilization": source.get(_field(side, "AverageUtilization")),
        "averageValue": source.get(_field(side, "AverageValue")),
    }
    return {
        "name": source.get("name") or "",
        "container": source.get("container"),
        side: _typed(value, side),
    }


def _external_to_v1(source: Manifest, side: str) -> Manifest:
    metric, value = source.get("metric") or {}, source.get(side) or {}
    amount = value.get("value")
    if amount is None and side == "current":
        amount = _NOTHING
    return {
        "metricName": metric.get("name") or "",
        "metricSelector": metric.get("selector"),
        _field(side, "Value"): amount,
        _field(side, "AverageValue"): value.get("averageValue"),
    }


def _external_to_v2(source: Manifest, side: str) -> Manifest:
    value = {
        "value": source.get(_field(side, "Value")),
        "averageValue": source.get(_field(side, "AverageValue")),
    }
    return {"metric": _metric(source, "metricSelector"), side: _typed(value, side)}


def _metric(source: Manifest, selector: str) -> Manifest:
    found: Manifest = {"name": source.get("metricName") or ""}
    if source.get(selector) is not None:
        found["selector"] = source[selector]
    return found


def _typed(value: Manifest, side: str) -> Manifest:
    """A target says of which type it is; a reading does not."""
    given = {key: amount for key, amount in value.items() if amount is not None}
    if side == "current":
        return given
    if "averageUtilization" in given:
        return {"type": "Utilization", **given}
    return {"type": "Value" if "value" in given else "AverageValue", **given}


_OLDER: Mapping[str, Callable[[Manifest, str], Manifest]] = {
    "object": _object_to_v1,
    "pods": _pods_to_v1,
    "resource": _resource_to_v1,
    "containerResource": _resource_to_v1,
    "external": _external_to_v1,
}
_NEWER: Mapping[str, Callable[[Manifest, str], Manifest]] = {
    "object": _object_to_v2,
    "pods": _pods_to_v2,
    "resource": _resource_to_v2,
    "containerResource": _resource_to_v2,
    "external": _external_to_v2,
}
