"""LimitRange: defaults of containers, and bounds of pods, containers and claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Quantity
from choreo_local.embedded.kubeapi import podamounts, problems
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.plugins.pods import is_new_pod
from choreo_local.embedded.storage.store import Store

_NOTE = "kubernetes.io/limit-ranger"
_CLAIMS = "persistentvolumeclaims"

Amounts = Mapping[str, Any]


class LimitRanger:
    """Applies the limit ranges of a namespace.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Give the containers of a new pod the defaults of the namespace."""
        pod = attributes.new
        if pod is None or not is_new_pod(attributes):
            return
        limits = [limit for limit in self._limits(attributes) if limit.get("type") == "Container"]
        requests: dict[str, Any] = {}
        maxima: dict[str, Any] = {}
        for limit in limits:
            requests |= limit.get("defaultRequest") or {}
            maxima |= limit.get("default") or {}
        if requests or maxima:
            _set_defaults(pod, requests, maxima)

    def validate(self, attributes: Attributes) -> None:
        """Refuse what is out of bounds."""
        obj, kind = attributes.new, attributes.call.collection.kind
        if obj is None or attributes.call.subresource:
            return
        found: list[str] = []
        for limit in self._limits(attributes):
            if is_new_pod(attributes):
                found += _check_pod(limit, obj)
            elif kind.group_resource == _CLAIMS and limit.get("type") == "PersistentVolumeClaim":
                found += _check_claim(limit, obj)
        if found:
            why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
            raise problems.forbidden(kind, attributes.name, why)

    def _limits(self, attributes: Attributes) -> Iterator[Mapping[str, Any]]:
        if not attributes.namespace:
            return
        for stored in self._store.select("limitranges", attributes.namespace):
            yield from (stored.object.get("spec") or {}).get("limits") or ()


def _set_defaults(pod: Manifest, requests: Amounts, maxima: Amounts) -> None:
    notes: list[str] = []
    spec = pod.setdefault("spec", {})
    for field, title in (("containers", "container"), ("initContainers", "init container")):
        for container in spec.get(field) or ():
            resources = container.setdefault("resources", {})
            given = [
                ("request", _merge(resources, "requests", requests)),
                ("limit", _merge(resources, "limits", maxima)),
            ]
            for word, names in given:
                if names:
                    what = ", ".join(names)
                    notes.append(f"{what} {word} for {title} {container.get('name', '')}")
    if notes:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[_NOTE] = "LimitRanger plugin set: " + "; ".join(notes)


def _merge(resources: Manifest, field: str, values: Amounts) -> list[str]:
    """Add the amounts that are missing; answers their names."""
    present = resources.get(field) or {}
    added = sorted(name for name in values if name not in present)
    if added:
        resources[field] = {**present, **{name: values[name] for name in added}}
    return added


def _check_pod(limit: Mapping[str, Any], pod: Mapping[str, Any]) -> list[str]:
    spec = pod.get("spec") or {}
    if limit.get("type") == "Container":
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        found: list[str] = []
        for container in containers:
            resources = container.get("resources") or {}
            found += _check(
                limit, "Container", resources.get("requests") or {}, resources.get("limits") or {}
            )
        return found
    if limit.get("type") == "Pod":
        totals = [_total(spec, field) for field in ("requests", "limits")]
        return _check(limit, "Pod", totals[0], totals[1])
    return []


def _total(spec: Mapping[str, Any], field: str) -> dict[str, str]:
    return {name: str(amount) for name, amount in podamounts.of_pod(spec, field).items()}


def _check(limit: Mapping[str, Any], title: str, requests: Amounts, maxima: Amounts) -> list[str]:
    found: list[str] = []
    for name, bound in sorted((limit.get("min") or {}).items()):
        found += _check_min(name, str(bound), title, requests, maxima)
    for name, bound in sorted((limit.get("max") or {}).items()):
        found += _check_max(name, str(bound), title, requests, maxima)
    for name, bound in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        found += _check_ratio(name, str(bound), title, requests, maxima)
    return found


def _check_min(
    name: str, bound: str, title: str, requests: Amounts, maxima: Amounts
) -> Sequence[str]:
    text = f"minimum {name} usage per {title} is {bound}"
    if name not in requests:
        return [f"{text}.  No request is specified"]
    least = _value(bound)
    if _value(requests[name]) < least:
        return [f"{text}, but request is {requests[name]}"]
    if name in maxima and _value(maxima[name]) < least:
        return [f"{text}, but limit is {maxima[name]}"]
    return ()


def _check_max(
    name: str, bound: str, title: str, requests: Amounts, maxima: Amounts
) -> Sequence[str]:
    text = f"maximum {name} usage per {title} is {bound}"
    if name not in maxima:
        return [f"{text}.  No limit is specified"]
    most = _value(bound)
    if _value(maxima[name]) > most:
        return [f"{text}, but limit is {maxima[name]}"]
    if name in requests and _value(requests[name]) > most:
        return [f"{text}, but request is {requests[name]}"]
    return ()


def _check_ratio(
    name: str, bound: str, title: str, requests: Amounts, maxima: Amounts
) -> Sequence[str]:
    text = f"{name} max limit to request ratio per {title} is {bound}"
    request = _value(requests.get(name, 0))
    if not request:
        return [f"{text}, but no request is specified or request is 0"]
    if name not in maxima or not _value(maxima[name]):
        return [f"{text}, but no limit is specified or limit is 0"]
    ratio = _value(maxima[name]).value / request.value
    if ratio > _value(bound).value:
        return [f"{text}, but provided ratio is {float(ratio):.6f}"]
    return ()


def _check_claim(limit: Mapping[str, Any], claim: Mapping[str, Any]) -> list[str]:
    resources = (claim.get("spec") or {}).get("resources") or {}
    requests = resources.get("requests") or {}
    found: list[str] = []
    for name, bound in sorted((limit.get("min") or {}).items()):
        found += _check_min(name, str(bound), "PersistentVolumeClaim", requests, {})
    for name, bound in sorted((limit.get("max") or {}).items()):
        text = f"maximum {name} usage per PersistentVolumeClaim is {bound}"
        if name not in requests:
            found.append(f"{text}.  No request is specified")
        elif _value(requests[name]) > _value(str(bound)):
            found.append(f"{text}, but request is {requests[name]}")
    return found


def _value(amount: Any) -> Quantity:
    return quantity.parse(str(amount))
