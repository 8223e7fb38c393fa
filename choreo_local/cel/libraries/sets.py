"""`sets.contains`, `sets.equivalent`, `sets.intersects`: lists as sets."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.declarations import Library
from choreo_local.cel.equality import contains as holds
from choreo_local.cel.libraries.declaring import functions
from choreo_local.cel.libraries.lists import hashed, pairs_weight
from choreo_local.cel.types import BOOL, list_of, parameter

_LIST = list_of(parameter("T"))


class _Members:
    """Fast answers whether a list has a value."""

    __slots__ = ("_plain", "_rest")

    def __init__(self, values: list[Any]) -> None:
        self._plain: set[Any] = set()
        self._rest: list[Any] = []
        for value in values:
            key = hashed(value)
            if key is None:
                self._rest.append(value)
            else:
                self._plain.add(key)

    def __contains__(self, value: Any) -> bool:
        key = hashed(value)
        if key is not None and key in self._plain:
            return True
        if type(value) is float and value in self._plain:
            return True
        return holds(self._rest, value)


def _contains(values: list[Any], wanted: list[Any]) -> bool:
    members = _Members(values)
    return all(value in members for value in wanted)


def _equivalent(one: list[Any], other: list[Any]) -> bool:
    return _contains(one, other) and _contains(other, one)


def _intersects(one: list[Any], other: list[Any]) -> bool:
    members = _Members(one)
    return any(value in members for value in other)


LIBRARY = Library(
    "sets",
    functions=(
        functions("sets.contains", ((_LIST, _LIST), BOOL, _contains), weight=pairs_weight),
        functions("sets.equivalent", ((_LIST, _LIST), BOOL, _equivalent), weight=pairs_weight),
        functions("sets.intersects", ((_LIST, _LIST), BOOL, _intersects), weight=pairs_weight),
    ),
)
