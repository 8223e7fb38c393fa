"""Leases: who is in charge, and for how long."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]

_STRATEGIES = ("OldestEmulationVersion",)


def validate(obj: Manifest) -> Problems:
    """The problems of a lease."""
    spec = obj["spec"]
    seconds, strategy = spec.get("leaseDurationSeconds"), spec.get("strategy")
    if seconds is not None and seconds <= 0:
        yield fielderrors.invalid_value(
            "spec.leaseDurationSeconds", seconds, "must be greater than 0"
        )
    yield from checks.all_not_negative("spec", spec, "leaseTransitions")
    if strategy is not None and "/" not in strategy:
        # The real one says the name of the field twice.
        yield from checks.one_of("spec.strategy.strategy", strategy, _STRATEGIES)
    elif strategy is not None:
        yield from checks.fits("spec.strategy.strategy", strategy, names.qualified_name)
    if spec.get("preferredHolder") and not strategy:
        yield fielderrors.forbidden(
            "spec.preferredHolder", "may only be specified if `strategy` is defined"
        )


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed lease."""
    yield from validate(new)
