"""Conditions as newer kinds have them: what is so, since when, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

_STATUSES = ("False", "True", "Unknown")
_MAX_REASON, _MAX_MESSAGE = 1024, 32 * 1024


def validate(path: str, conditions: Sequence[Mapping[str, Any]]) -> Problems:
    """The problems of a list of conditions."""
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        type_ = condition.get("type") or ""
        if type_ in seen:
            yield fielderrors.duplicate(f"{path}[{index}].type", type_)
        seen.add(type_)
        yield from _condition(f"{path}[{index}]", condition)


def _condition(path: str, condition: Mapping[str, Any]) -> Problems:
    yield from checks.fits(f"{path}.type", condition.get("type") or "", names.qualified_name)
    yield from checks.one_of(f"{path}.status", condition.get("status") or "", _STATUSES)
    generation = condition.get("observedGeneration") or 0
    if generation < 0:
        yield fielderrors.invalid_value(
            f"{path}.observedGeneration", generation, "must be greater than or equal to zero"
        )
    if not condition.get("lastTransitionTime"):
        yield fielderrors.required(f"{path}.lastTransitionTime")
    reason = condition.get("reason") or ""
    if not reason:
        yield fielderrors.required(f"{path}.reason")
    else:
        yield from checks.fits(f"{path}.reason", reason, names.condition_reason)
        yield from checks.at_most_bytes(f"{path}.reason", reason, _MAX_REASON)
    yield from checks.at_most_bytes(f"{path}.message", condition.get("message") or "", _MAX_MESSAGE)
