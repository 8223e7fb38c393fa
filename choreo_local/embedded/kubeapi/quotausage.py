"""What an object takes from a resource quota, and which quotas are about it. Pure.

`plugins.quotas` asks on every write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Quantity
from choreo_local.embedded.kubeapi import podamounts
from choreo_local.embedded.kubeapi.defaults import qos

Object = Mapping[str, Any]
Usage = dict[str, Quantity]

ONE = quantity.parse("1")
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
_HUGE = "hugepages-"
# Resources that quotas count under their own names too.
_OLD_NAMES = frozenset(
    {"configmaps", "resourcequotas", "replicationcontrollers", "secrets"}
    | {"pods", "services", "persistentvolumeclaims"}
)
# A quota on these makes every container say how much it wants.
_DEMANDED = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)


def names_of(resource: str, hard: Iterable[str]) -> list[str]:
    """Which of the limits of a quota are about a resource, e.g. `deployments.apps`."""
    return [name for name in hard if _concerns(resource, name)]


def _concerns(resource: str, name: str) -> bool:
    if name == f"count/{resource}" or (resource in _OLD_NAMES and name == resource):
        return True
    if resource == "services":
        return name in ("services.nodeports", "services.loadbalancers")
    if resource == "persistentvolumeclaims":
        return name == "requests.storage" or _CLASS_SUFFIX in name
    if resource != "pods":
        return False
    field, _, rest = name.partition(".")
    if name in _COMPUTE or (field in ("requests", "limits") and rest in _COMPUTE):
        return True
    if name.startswith((_HUGE, f"requests.{_HUGE}")):
        return True
    # Resources of devices, which have a domain of their own.
    return field == "requests" and "/" in rest and "kubernetes.io/" not in rest


def usage(resource: str, obj: Object) -> Usage:
    """What an object takes, by the names that quotas have for it."""
    found: Usage = {f"count/{resource}": ONE}
    if resource in _OLD_NAMES and resource != "pods":
        found[resource] = ONE
    measure = _MEASURES.get(resource)
    if measure is not None:
        found |= measure(obj)
    return found


def _of_pod(pod: Object) -> Usage:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    spec = pod.get("spec") or {}
    found: Usage = {"pods": ONE}
    for name, amount in podamounts.with_overhead(spec, "requests").items():
        if name in _COMPUTE or name.startswith(_HUGE):
            found[name] = amount
        found[f"requests.{name}"] = amount
    for name, amount in podamounts.with_overhead(spec, "limits").items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = amount
    return found


def _of_service(service: Object) -> Usage:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    balances = spec.get("type") == "LoadBalancer"
    taken = len(ports) if balances or spec.get("type") == "NodePort" else 0
    if balances and spec.get("allocateLoadBalancerNodePorts") is False:
        taken = sum(bool(port.get("nodePort")) for port in ports)
    return {
        "services.nodeports": quantity.parse(str(taken)),
        "services.loadbalancers": quantity.parse(str(int(balances))),
    }


def _of_claim(claim: Object) -> Usage:
    spec = claim.get("spec") or {}
    found: Usage = {}
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    class_ = spec.get("storageClassName")
    if class_:
        found[f"{class_}{_CLASS_SUFFIX}persistentvolumeclaims"] = ONE
    if wanted is not None:
        amount = quantity.parse(str(wanted))
        found["requests.storage"] = amount
        if class_:
            found[f"{class_}{_CLASS_SUFFIX}requests.storage"] = amount
    return found


_MEASURES: Mapping[str, Callable[[Object], Usage]] = {
    "pods": _of_pod,
    "services": _of_service,
    "persistentvolumeclaims": _of_claim,
}


def unsaid(pod: Object, limited: Iterable[str]) -> str:
    """What containers of a pod must say and do not, as `cpu for: a,b; memory for: a`."""
    missing: dict[str, list[str]] = {}
    spec = pod.get("spec") or {}
    if _has_amounts_as_a_whole(spec):
        return ""
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        for name in _DEMANDED.intersection(limited):
            field, _, rest = name.rpartition(".")
            if rest not in (resources.get(field or "requests") or {}):
                missing.setdefault(name, []).append(str(container.get("name") or ""))
    texts = [f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing)]
    return "; ".join(texts)


def _has_amounts_as_a_whole(spec: Object) -> bool:
    whole = spec.get("resources") or {}
    return bool(whole.get("requests") or whole.get("limits"))


def is_in_scope(quota_spec: Object, resource: str, obj: Object) -> bool:
    """Whether the scopes of a quota let it count an object."""
    expressions = [{"scopeName": scope, "operator": "Exists"} for scope in _scopes(quota_spec)]
    expressions += (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_matches(expression, resource, obj) for expression in expressions)


def _scopes(quota_spec: Object) -> Sequence[str]:
    return quota_spec.get("scopes") or ()


def _matches(expression: Object, resource: str, obj: Object) -> bool:
    scope, spec = expression.get("scopeName"), obj.get("spec") or {}
    if scope == "VolumeAttributesClass" and resource == "persistentvolumeclaims":
        return _selects(expression, spec.get("volumeAttributesClassName"))
    if resource != "pods":
        return False
    if scope == "PriorityClass":
        return _selects(expression, spec.get("priorityClassName"))
    ends = (spec.get("activeDeadlineSeconds") or -1) >= 0
    modest = qos.quality_of_service(spec) == "BestEffort"
    facts = {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": modest,
        "NotBestEffort": not modest,
        "CrossNamespacePodAffinity": _looks_elsewhere(spec),
    }
    return facts.get(str(scope), False)


def _selects(expression: Object, value: str | None) -> bool:
    operator, values = expression.get("operator"), expression.get("values") or ()
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return bool(value) == (operator == "Exists")


def _looks_elsewhere(spec: Object) -> bool:
    affinity = spec.get("affinity") or {}
    for field in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(field) or {}
        terms = list(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        terms += [
            one.get("podAffinityTerm") or {}
            for one in found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        ]
        if any(term.get("namespaces") or term.get("namespaceSelector") for term in terms):
            return True
    return False
