"""How fast a HorizontalPodAutoscaler may change a size: the policies of its behavior. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Rules = Mapping[str, Any]

# What holds where the behavior says nothing: double or four more in a quarter of a minute, and
# down as far as is wanted.
_UP: Rules = {
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: Rules = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@dataclass(frozen=True, slots=True)
class Scaling:
    """A change of the size at a moment; negative when it shrank."""

    at: datetime
    change: int


@dataclass(frozen=True, slots=True)
class Limited:
    """A size within the policies; `reason` and `message` when they held it back."""

    size: int
    reason: str = ""
    message: str = ""


def limit(
    wanted: int,
    current: int,
    *,
    behavior: Mapping[str, Any] | None,
    scalings: Sequence[Scaling],
    now: datetime,
) -> Limited:
    """The wanted size, or how near to it the policies let come."""
    if wanted > current:
        rules = (behavior or {}).get("scaleUp") or _UP
        most = max(current, _highest(current, rules, scalings, now))
        if wanted > most:
            message = "the desired replica count is increasing faster than the maximum scale rate"
            return Limited(most, "ScaleUpLimit", message)
    elif wanted < current:
        rules = (behavior or {}).get("scaleDown") or _DOWN
        least = min(current, _lowest(current, rules, scalings, now))
        if wanted < least:
            message = "the desired replica count is decreasing faster than the maximum scale rate"
            return Limited(least, "ScaleDownLimit", message)
    return Limited(wanted)


def longest_period(behavior: Mapping[str, Any] | None) -> timedelta:
    """How long changes have to be remembered."""
    rules = [(behavior or {}).get(way) or {} for way in ("scaleUp", "scaleDown")]
    periods = [int(each["periodSeconds"]) for one in rules for each in one.get("policies") or ()]
    return timedelta(seconds=max([15, *periods]))


def _at_start(
    current: int, policy: Mapping[str, Any], scalings: Sequence[Scaling], now: datetime
) -> int:
    """The size when the period of a policy began."""
    since = now - timedelta(seconds=int(policy["periodSeconds"]))
    return current - sum(each.change for each in scalings if each.at > since)


def _highest(current: int, rules: Rules, scalings: Sequence[Scaling], now: datetime) -> int:
    selected = rules.get("selectPolicy") or "Max"
    if selected == "Disabled":
        return current
    found = []
    for policy in rules.get("policies") or _UP["policies"]:
        start, value = _at_start(current, policy, scalings, now), int(policy["value"])
        is_share = policy["type"] == "Percent"
        found.append(math.ceil(start * (100 + value) / 100) if is_share else start + value)
    return min(found) if selected == "Min" else max(found)


def _lowest(current: int, rules: Rules, scalings: Sequence[Scaling], now: datetime) -> int:
    selected = rules.get("selectPolicy") or "Max"
    if selected == "Disabled":
        return current
    found = []
    for policy in rules.get("policies") or _DOWN["policies"]:
        start, value = _at_start(current, policy, scalings, now), int(policy["value"])
        is_share = policy["type"] == "Percent"
        found.append(start * (100 - value) // 100 if is_share else start - value)
    # The policy that lets the size change most is the one that lets it become smallest.
    return max(found) if selected == "Min" else min(found)
