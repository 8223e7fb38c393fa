"""Steps for loops: the general fold, and faster ways for those that the standard macros make.

Every turn of a loop is paid for with the number of nodes that it evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.cel.declarations import Frame, Step
from choreo_local.cel.errors import CostExceededError, EvaluationError, overload_error
from choreo_local.cel.operators import charge
from choreo_local.cel.values import as_key, from_key, keys, shown, type_name

Turns = Callable[[Frame, Any], Iterator[None]]
"""Binds the variables of a loop to one element after the other."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a loop keeps its variables; `second` is 0 when there is one only."""

    carried: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Fold:
    """The planned parts of a loop in general."""

    range: Step
    start: Step
    condition: Step
    step: Step
    result: Step


def bind(place: int, value: Step, body: Step) -> Step:
    """The body, with a value in its place."""

    def bound(frame: Frame) -> Any:
        frame[place] = value(frame)
        return body(frame)

    return bound


def fold(parts: Fold, turns: Turns, carried: int) -> Step:
    """The loop in general."""
    condition, step = parts.condition, parts.step

    def run(frame: Frame) -> Any:
        walked = parts.range(frame)
        frame[carried] = parts.start(frame)
        for _ in turns(frame, walked):
            if condition(frame) is not True:
                break
            frame[carried] = step(frame)
        return parts.result(frame)

    return run


def turns_over(places: Places, weight: int) -> Turns:
    """The turns of a loop, each of which costs the weight."""
    first, second = places.first, places.second

    def one(frame: Frame, walked: Any) -> Iterator[None]:
        items = _elements(frame, walked, weight)
        for frame[first] in items:
            yield

    def two(frame: Frame, walked: Any) -> Iterator[None]:
        pairs = _pairs(frame, walked, weight)
        for frame[first], frame[second] in pairs:
            yield

    return two if second else one


def _elements(frame: Frame, walked: Any, weight: int) -> list[Any]:
    """The elements of a list or the keys of a map."""
    items: list[Any]
    if isinstance(walked, list):
        items = walked
    elif isinstance(walked, dict):
        items = keys(walked)
    else:
        raise EvaluationError(f"got '{_go_name(walked)}', expected iterable type")
    charge(frame, weight * len(items))
    return items


_GO_NAMES = {
    "null_type": "types.Null",
    "google.protobuf.Timestamp": "types.Timestamp",
    "google.protobuf.Duration": "types.Duration",
    "optional_type": "*types.Optional",
    "type": "*types.Type",
}


def _go_name(value: Any) -> str:
    """The type of a value as upstream's message shows it."""
    name = type_name(value)
    return _GO_NAMES.get(name) or f"types.{name.capitalize()}"


def _pairs(frame: Frame, walked: Any, weight: int) -> list[tuple[Any, Any]]:
    """The elements of a list with their indexes, or the entries of a map."""
    items = _elements(frame, walked, weight)
    if isinstance(walked, dict):
        return list(zip(items, walked.values(), strict=True))
    return list(enumerate(items))


def _quantifier(*, decisive: bool) -> Callable[[Turns, Step, Sequence[Step | None]], Step]:
    """`all` and `exists`: an element that decides outweighs errors of others."""
    neutral = not decisive

    def build(turns: Turns, range_: Step, parts: Sequence[Step | None]) -> Step:
        (predicate,) = parts
        assert predicate is not None

        def decide(frame: Frame) -> bool:
            error: EvaluationError | None = None
            for _ in turns(frame, range_(frame)):
                try:
                    value = predicate(frame)
                except CostExceededError:
                    raise
                except EvaluationError as caught:
                    error = error or caught
                    continue
                if value is decisive:
                    return bool(value)
                if value is not neutral:
                    error = error or overload_error()
            if error is not None:
                raise error
            return neutral

        return decide

    return build


def _map(turns: Turns, range_: Step, parts: Sequence[Step | None]) -> Step:
    """`map`, `filter` and their kin: one list that grows."""
    test, element = parts
    assert element is not None
    if test is None:
        return lambda frame: [element(frame) for _ in turns(frame, range_(frame))]

    def filtered(frame: Frame) -> list[Any]:
        found: list[Any] = []
        for _ in turns(frame, range_(frame)):
            verdict = test(frame)
            if verdict is True:
                found.append(element(frame))
            elif verdict is not False:
                raise overload_error()
        return found

    return filtered


def _insert(turns: Turns, range_: Step, parts: Sequence[Step | None]) -> Step:
    """`transformMap` and `transformMapEntry`: one map that grows."""
    test, *values = parts
    entries = _entries([value for value in values if value is not None])

    def inserted(frame: Frame) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for _ in turns(frame, range_(frame)):
            verdict = True if test is None else test(frame)
            if verdict is True:
                add_entries(found, entries(frame))
            elif verdict is not False:
                raise overload_error()
        return found

    return inserted


def _entries(values: list[Step]) -> Step:
    """A map of what is to be inserted: given as such, or as a key and a value."""
    if len(values) == 1:
        return _only_map(values[0])
    key, value = values
    return lambda frame: {as_key(key(frame)): value(frame)}


def _only_map(value: Step) -> Step:
    def checked(frame: Frame) -> dict[Any, Any]:
        entries = value(frame)
        if not isinstance(entries, dict):
            raise overload_error("cel.@mapInsert", ["map", type_name(entries)])
        return entries

    return checked


def add_entries(target: dict[Any, Any], entries: dict[Any, Any]) -> None:
    """Insert entries whose keys must be new."""
    for key, value in entries.items():
        if key in target:
            raise EvaluationError(f"insert failed: key {shown(from_key(key))} already exists")
        target[key] = value


SHAPES: dict[str, Callable[[Turns, Step, Sequence[Step | None]], Step]] = {
    "all": _quantifier(decisive=False),
    "exists": _quantifier(decisive=True),
    "map": _map,
    "insert": _insert,
}
