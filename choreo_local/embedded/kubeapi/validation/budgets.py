"""Disruption budgets: how many pods may be missing at once."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, conditions, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def validate(obj: Manifest) -> Problems:
    """The problems of a budget."""
    spec = obj["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = printed.internal("policy.PodDisruptionBudgetSpec", spec)
        yield fielderrors.invalid_value(
            "spec", shown, "minAvailable and maxUnavailable cannot be both set"
        )
    for field in ("minAvailable", "maxUnavailable"):
        if spec.get(field) is not None:
            yield from checks.int_or_percent(f"spec.{field}", spec[field])
            yield from checks.at_most_100_percent(f"spec.{field}", spec[field])
    yield from checks.label_selector("spec.selector", spec.get("selector"))
    if spec.get("unhealthyPodEvictionPolicy") is not None:
        yield from checks.one_of(
            "spec.unhealthyPodEvictionPolicy", spec["unhealthyPodEvictionPolicy"], _POLICIES
        )


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed budget."""
    yield from validate(new)


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    status = new.get("status") or {}
    yield from conditions.validate("status.conditions", status.get("conditions") or ())
    yield from checks.all_not_negative(
        "status", status, "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"
    )
