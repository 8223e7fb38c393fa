"""`status.conditions` of the workload kinds. Pure: lists are replaced, not changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from choreo_local import clock

Condition = Mapping[str, Any]


def find(conditions: Iterable[Condition] | None, type_: str) -> Condition | None:
    """The condition of a type."""
    return next((each for each in conditions or () if each["type"] == type_), None)


def drop(conditions: Iterable[Condition] | None, type_: str) -> list[Condition]:
    """All other conditions."""
    return [each for each in conditions or () if each["type"] != type_]


def with_condition(
    conditions: Iterable[Condition] | None, new: Condition, *, refresh: bool = False
) -> list[Condition]:
    """The list with `new` at its end, unless one of equal status and reason is there.

    The transition time of a condition whose status does not change is kept. With `refresh` also one
    of equal status and reason is replaced, for its new message or update time.
    """
    conditions = list(conditions or ())
    old = find(conditions, new["type"])
    if old is None:
        return [*conditions, new]
    same_status = old["status"] == new["status"]
    if same_status and old.get("reason") == new.get("reason") and not refresh:
        return conditions
    if same_status and "lastTransitionTime" in old:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*drop(conditions, new["type"]), new]


def condition(
    type_: str,
    status: str,
    reason: str,
    message: str = "",
    *,
    now: datetime,
    update_time: bool = False,
) -> dict[str, Any]:
    """A condition that holds from `now`; Deployments also say when they looked last."""
    moment = clock.timestamp(now)
    made: dict[str, Any] = {"type": type_, "status": status}
    if update_time:
        made["lastUpdateTime"] = moment
    made["lastTransitionTime"] = moment
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made
