"""The order of merged lists in strategic merge patch: patch over server, relative order kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Identify = Callable[[Any], Any]


def by_order(items: list[Any], order: list[Any], identify: Identify) -> list[Any]:
    """The items sorted by where their keys stand in `order`; unknown ones come last."""
    return sorted(items, key=lambda item: _position(order, identify(item), len(order)))


def interleave(
    theirs: list[Any], ours: list[Any], live: list[Any], identify: Identify
) -> list[Any]:
    """Both lists in one: an item of theirs comes before one of ours that followed it in `live`."""
    merged: list[Any] = []
    left = right = 0
    while left < len(theirs) and right < len(ours):
        before = _position(live, identify(theirs[left]), -1)
        after = _position(live, identify(ours[right]), -1)
        if 0 <= before < after:
            merged.append(theirs[left])
            left += 1
        else:
            merged.append(ours[right])
            right += 1
    return merged + theirs[left:] + ours[right:]


def _position(order: list[Any], key: Any, missing: int) -> int:
    return order.index(key) if key in order else missing
