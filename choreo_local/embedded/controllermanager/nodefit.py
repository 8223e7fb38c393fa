"""Whether a Pod template may run on a node: name, selector, required affinity, taints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.embedded.controllermanager.plans import Manifest


def fits(spec: Mapping[str, Any], node: Manifest) -> bool:
    """Whether name, selector and required affinity allow the node."""
    metadata = node["metadata"]
    labels = metadata.get("labels") or {}
    if spec.get("nodeName") not in (None, "", metadata["name"]):
        return False
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_fits(term, metadata) for term in required.get("nodeSelectorTerms") or ())


def _term_fits(term: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    names = {"metadata.name": metadata["name"]}
    return all(_fulfils(each, metadata.get("labels") or {}) for each in expressions) and all(
        _fulfils(each, names) for each in fields
    )


def _fulfils(expression: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    value, values = found.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _is_ordered(operator, value, values)
    return False


def _is_ordered(operator: str, value: str | None, values: Iterable[str]) -> bool:
    try:
        number, limit = int(value or ""), int(next(iter(values), ""))
    except ValueError:
        return False
    return number > limit if operator == "Gt" else number < limit


def tolerates(tolerations: Iterable[Mapping[str, Any]], node: Manifest, *effects: str) -> bool:
    """Whether all taints of the node with one of these effects are tolerated."""
    tolerations = list(tolerations)
    return all(
        any(_covers(each, taint) for each in tolerations)
        for taint in node["spec"].get("taints") or ()
        if taint["effect"] in effects
    )


def _covers(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("value", "") == taint.get("value", "")) and bool(
        toleration.get("key")
    )
