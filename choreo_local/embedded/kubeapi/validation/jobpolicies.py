"""What a job does about pods that fail, and when it has succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import re2

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import OMITTED
from choreo_local.embedded.kubeapi.validation import checks, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MAX_RULES = 20
_MAX_CODES = 255
_MAX_PATTERNS = 20
_MAX_INDEXES_BYTES = 64 * 1024
_INTEGER = re2.compile(r"^[+-]?[0-9]{1,18}$")


def failure(spec: Object, path: str) -> Problems:
    """The problems of a policy for pods that fail."""
    rules = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > _MAX_RULES:
        yield fielderrors.too_many(f"{path}.rules", len(rules), _MAX_RULES)
    for index, rule in enumerate(rules):
        yield from _failure_rule(spec, rule, f"{path}.rules[{index}]")


def _failure_rule(spec: Object, rule: Object, path: str) -> Problems:
    action, codes = rule.get("action") or "", rule.get("onExitCodes")
    conditions = rule.get("onPodConditions") or ()
    if action == "FailIndex":
        if spec.get("backoffLimitPerIndex") is None:
            yield fielderrors.invalid_value(
                f"{path}.action", action, "requires the backoffLimitPerIndex to be set"
            )
    else:
        yield from _chosen(f"{path}.action", action, _ACTIONS)
    if codes is not None:
        yield from _exit_codes(spec, codes, f"{path}.onExitCodes")
    if conditions:
        yield from _conditions(conditions, f"{path}.onPodConditions")
    if codes is not None and conditions:
        yield fielderrors.invalid_value(
            path, OMITTED, "specifying both OnExitCodes and OnPodConditions is not supported"
        )
    if codes is None and not conditions:
        yield fielderrors.invalid_value(
            path, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"
        )


def _chosen(path: str, value: str, supported: Sequence[str]) -> Problems:
    if not value:
        listed = " ".join(fielderrors.quote(one) for one in supported)
        yield fielderrors.required(path, f"valid values: [{listed}]")
    else:
        yield from checks.one_of(path, value, supported)


def _conditions(patterns: Sequence[Object], path: str) -> Problems:
    if len(patterns) > _MAX_PATTERNS:
        yield fielderrors.too_many(path, len(patterns), _MAX_PATTERNS)
    for index, pattern in enumerate(patterns):
        here = f"{path}[{index}]"
        yield from checks.fits(f"{here}.type", pattern.get("type") or "", names.qualified_name)
        yield from _chosen(f"{here}.status", pattern.get("status") or "", _STATUSES)


def _exit_codes(spec: Object, found: Object, path: str) -> Problems:
    yield from _chosen(f"{path}.operator", found.get("operator") or "", _OPERATORS)
    pod = (spec.get("template") or {}).get("spec") or {}
    known = [
        container.get("name")
        for field in ("containers", "initContainers")
        for container in pod.get(field) or ()
    ]
    name = found.get("containerName")
    if name is not None and name not in known:
        yield fielderrors.invalid_value(
            f"{path}.containerName",
            name,
            "must be one of the container or initContainer names in the pod template",
        )
    values = found.get("values")
    if not values:
        yield fielderrors.invalid_value(f"{path}.values", values, "at least one value is required")
    elif len(values) > _MAX_CODES:
        yield fielderrors.too_many(f"{path}.values", len(values), _MAX_CODES)
    for index, value in enumerate(values or ()):
        if found.get("operator") == "In" and value == 0:
            yield fielderrors.invalid_value(
                f"{path}.values[{index}]", value, "must not be 0 for the In operator"
            )
    yield from checks.duplicates(f"{path}.values", values or ())
    if values and list(values) != sorted(values):
        yield fielderrors.invalid_value(f"{path}.values", values, "must be ordered")


def replacement(spec: Object, path: str) -> Problems:
    """The problems of when a pod is replaced."""
    policy = spec.get("podReplacementPolicy")
    if policy is None:
        return
    supported = ["Failed", "TerminatingOrFailed"]
    if spec.get("podFailurePolicy") is not None:
        supported.remove("TerminatingOrFailed")
    yield from checks.one_of(path, policy, supported)


def success(spec: Object, path: str, *, is_indexed: bool) -> Problems:
    """The problems of a policy for when a job has succeeded."""
    policy = spec["successPolicy"]
    if not is_indexed:
        shown = printed.internal("batch.SuccessPolicy", policy)
        yield fielderrors.invalid_value(path, shown, "requires indexed completion mode")
        return
    rules = policy.get("rules") or ()
    if not rules:
        yield fielderrors.required(
            f"{path}.rules",
            "at least one rules must be specified when the successPolicy is specified",
        )
    if len(rules) > _MAX_RULES:
        yield fielderrors.too_many(f"{path}.rules", len(rules), _MAX_RULES)
    for index, rule in enumerate(rules):
        yield from _success_rule(rule, f"{path}.rules[{index}]", spec.get("completions") or 0)


def _success_rule(rule: Object, path: str, completions: int) -> Problems:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        yield fielderrors.required(
            path, "at least one of succeededCount or succeededIndexes must be specified"
        )
    total = 0
    if indexes is not None:
        here = f"{path}.succeededIndexes"
        if len(indexes.encode()) > _MAX_INDEXES_BYTES:
            yield fielderrors.too_long(here, _MAX_INDEXES_BYTES)
        try:
            total = count_indexes(indexes, completions)
        except ValueError as error:
            yield fielderrors.invalid_value(
                here, indexes, f"error parsing succeededIndexes: {error}"
            )
    if count is None:
        return
    here = f"{path}.succeededCount"
    yield from checks.not_negative(here, count)
    limits = [(completions, "the number of specified completions")]
    if indexes is not None:
        words = "the number of indexes in the specified succeededIndexes field"
        limits.append((total, words))
    for limit, words in limits:
        if count > limit:
            yield fielderrors.invalid_value(
                here, count, f"must be less than or equal to {limit} ({words})"
            )


def count_indexes(text: str, completions: int) -> int:
    """How many indexes `1,3-5` names; ValueError says what is wrong with it."""
    total, last = 0, -1
    for interval in text.split(",") if text else ():
        low, high = _interval(interval, completions)
        if total and last >= low:
            raise ValueError(f"non-increasing order, previous: {last}, current: {low}")
        total, last = total + high - low + 1, high
    return total


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        raise ValueError(
            f"the fragment {fielderrors.quote(text)} violates the requirement that an index "
            "interval can have at most two parts separated by '-'"
        )
    numbers = [_index(limit, completions) for limit in limits]
    if len(numbers) > 1 and numbers[0] >= numbers[1]:
        raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]


def _index(text: str, completions: int) -> int:
    if _INTEGER.match(text) is None:
        raise ValueError(f"cannot convert string to integer for index: {fielderrors.quote(text)}")
    number = int(text)
    if number >= completions:
        raise ValueError(f"too large index: {fielderrors.quote(text)}")
    return number
