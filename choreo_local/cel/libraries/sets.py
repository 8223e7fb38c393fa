"""`sets.contains`, `sets.equivalent`, `sets.intersects`: lists as sets."""

from __future__ import annotations

from typing import Any

from choreo_local.cel.declarations import Library
from choreo_local.cel.libraries.declaring import functions
from choreo_local.cel.libraries.membership import Members, pairs_weight
from choreo_local.cel.types import BOOL, list_of, parameter

_LIST = list_of(parameter("T"))


def _contains(values: list[Any], wanted: list[Any]) -> bool:
    members = Members(values)
    return all(value in members for value in wanted)


def _equivalent(one: list[Any], other: list[Any]) -> bool:
    return _contains(one, other) and _contains(other, one)


def _intersects(one: list[Any], other: list[Any]) -> bool:
    members = Members(one)
    return any(value in members for value in other)


LIBRARY = Library(
    "sets",
    functions=(
        functions("sets.contains", ((_LIST, _LIST), BOOL, _contains), weight=pairs_weight),
        functions("sets.equivalent", ((_LIST, _LIST), BOOL, _equivalent), weight=pairs_weight),
        functions("sets.intersects", ((_LIST, _LIST), BOOL, _intersects), weight=pairs_weight),
    ),
)
