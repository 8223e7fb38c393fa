"""Steps for loops: the general fold, and faster ways for those that the standard macros make.

Every turn of a loop is paid for with the number of nodes that it evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from choreo_local.cel.ast import Call, Comprehension, Ident, ListLiteral, Node, children
from choreo_local.cel.errors import CostExceededError, EvaluationError, overload_error
from choreo_local.cel.operators import charge
from choreo_local.cel.values import keys, type_name

Frame = list[Any]
Step = Callable[[Frame], Any]
Plan = Callable[[Node], Step]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a loop keeps its variables; `second` is 0 when there is one only."""

    carried: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Fold:
    """The planned parts of a loop."""

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


def fold(node: Comprehension, places: Places, parts: Fold) -> Step:
    """The loop in general."""
    turns = _turns(node, places)
    carried = places.carried
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


def _turns(node: Comprehension, places: Places) -> Callable[[Frame, Any], Iterator[None]]:
    """Binds the variables of the loop to one element after the other."""
    weight = weigh(node.step)
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
        raise _no_range(walked)
    charge(frame, weight * len(items))
    return items


def _pairs(frame: Frame, walked: Any, weight: int) -> list[tuple[Any, Any]]:
    """The elements of a list with their indexes, or the entries of a map."""
    if isinstance(walked, dict):
        charge(frame, weight * len(walked))
        return list(zip(keys(walked), walked.values(), strict=True))
    return list(enumerate(_elements(frame, walked, weight)))


def _no_range(walked: Any) -> EvaluationError:
    return EvaluationError(f"got '{type_name(walked)}', expected iterable type")


def weigh(node: Node) -> int:
    """The number of nodes of a tree."""
    count = 0
    pending = [node]
    while pending:
        count += 1
        pending.extend(children(pending.pop()))
    return count


def _quantifier(
    plan: Plan, node: Comprehension, range_: Step, places: Places, *, decisive: bool
) -> Step:
    """`all` and `exists`: an element that decides outweighs errors of others."""
    predicate = plan(_predicate(node))
    turns = _turns(node, places)
    neutral = not decisive

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


def _predicate(node: Comprehension) -> Node:
    assert isinstance(node.step, Call)
    return node.step.arguments[1]


def _all(plan: Plan, node: Comprehension, range_: Step, places: Places) -> Step:
    return _quantifier(plan, node, range_, places, decisive=False)


def _exists(plan: Plan, node: Comprehension, range_: Step, places: Places) -> Step:
    return _quantifier(plan, node, range_, places, decisive=True)


def _map(plan: Plan, node: Comprehension, range_: Step, places: Places) -> Step:
    """`map`, `filter` and their kin: one list that grows."""
    condition, addition = _guarded(node.step)
    assert isinstance(addition, Call)
    added = addition.arguments[1]
    assert isinstance(added, ListLiteral)
    element = plan(added.elements[0])
    weight = weigh(node.step)
    first = places.first
    if places.second:
        return _map_pairs(plan, node, range_, places)
    if condition is None:

        def mapped(frame: Frame) -> list[Any]:
            found: list[Any] = []
            items = _elements(frame, range_(frame), weight)
            for frame[first] in items:
                found.append(element(frame))
            return found

        return mapped
    test = plan(condition)
    same = isinstance(added.elements[0], Ident) and added.elements[0].name == node.variable

    def filtered(frame: Frame) -> list[Any]:
        found: list[Any] = []
        for item in _elements(frame, range_(frame), weight):
            frame[first] = item
            verdict = test(frame)
            if verdict is True:
                found.append(item if same else element(frame))
            elif verdict is not False:
                raise overload_error()
        return found

    return filtered


def _map_pairs(plan: Plan, node: Comprehension, range_: Step, places: Places) -> Step:
    condition, addition = _guarded(node.step)
    assert isinstance(addition, Call)
    added = addition.arguments[1]
    assert isinstance(added, ListLiteral)
    element = plan(added.elements[0])
    test = None if condition is None else plan(condition)
    turns = _turns(node, places)

    def mapped(frame: Frame) -> list[Any]:
        found: list[Any] = []
        for _ in turns(frame, range_(frame)):
            if test is not None:
                verdict = test(frame)
                if verdict is False:
                    continue
                if verdict is not True:
                    raise overload_error()
            found.append(element(frame))
        return found

    return mapped


def _guarded(step: Node) -> tuple[Node | None, Node]:
    """The condition of a step, if any, and what it does when it holds."""
    if isinstance(step, Call) and step.function == "_?_:_":
        return step.arguments[0], step.arguments[1]
    return None, step


SHAPES: dict[str, Callable[[Plan, Comprehension, Step, Places], Step]] = {
    "all": _all,
    "exists": _exists,
    "map": _map,
}
