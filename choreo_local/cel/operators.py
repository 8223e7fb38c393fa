"""Steps for the operators that are not plain functions: they short-circuit, or must be fast."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from choreo_local.cel import access
from choreo_local.cel.arithmetic import add
from choreo_local.cel.declarations import Frame, Step
from choreo_local.cel.equality import compare, compare_deeply, contains, equal, search_weight
from choreo_local.cel.errors import CostExceededError, EvaluationError, overload_error

_SCALARS = frozenset({int, float})
# To compare so many characters is work that counts.
_LONG = 1000
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}


def charge(frame: Frame, cost: int) -> None:
    """Take a cost from what is left."""
    frame[0] -= cost
    if frame[0] < 0:
        raise CostExceededError


def conjunction(terms: list[Step]) -> Step:
    """False when any term is; otherwise the first error, if there is one."""
    return _logical(terms, decisive=False)


def disjunction(terms: list[Step]) -> Step:
    """True when any term is; otherwise the first error, if there is one."""
    return _logical(terms, decisive=True)


def _logical(terms: list[Step], *, decisive: bool) -> Step:
    neutral = not decisive

    def decide(frame: Frame) -> bool:
        error: EvaluationError | None = None
        for term in terms:
            try:
                value = term(frame)
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


def conditional(condition: Step, then: Step, otherwise: Step) -> Step:
    """`condition ? then : otherwise`."""

    def choose(frame: Frame) -> Any:
        verdict = condition(frame)
        if verdict is True:
            return then(frame)
        if verdict is False:
            return otherwise(frame)
        raise overload_error()

    return choose


def not_strictly_false(operand: Step) -> Step:
    """False only for false; an error counts as true."""

    def decide(frame: Frame) -> bool:
        try:
            return operand(frame) is not False
        except CostExceededError:
            raise
        except EvaluationError:
            return True

    return decide


def equality(left: Step, right: Step) -> Step:
    """`left == right`."""

    def decide(frame: Frame) -> bool:
        one, other = left(frame), right(frame)
        if type(one) is str:
            if len(one) > _LONG:
                charge(frame, len(one) // _LONG)
            return bool(one == other)
        if isinstance(one, list | dict) and isinstance(other, list | dict):
            verdict, work = compare_deeply(one, other)
            charge(frame, work)
            return verdict
        return equal(one, other)

    return decide


def inequality(left: Step, right: Step) -> Step:
    """`left != right`."""
    decide = equality(left, right)
    return lambda frame: not decide(frame)


def ordering(function: str) -> Callable[[Step, Step], Step]:
    """`left < right` and its kin."""
    holds = _ORDERS[function]

    def build(left: Step, right: Step) -> Step:
        def decide(frame: Frame) -> bool:
            one, other = left(frame), right(frame)
            # Of all numbers only NaN differs from itself.
            if type(one) is type(other) is float and one == one and other == other:
                return holds(one, other)
            if isinstance(one, str | bytes) and len(one) > _LONG:
                charge(frame, len(one) // _LONG)
            return holds(compare(one, other, function), 0)

        return decide

    return build


def membership(element: Step, container: Step) -> Step:
    """`element in container`."""

    def decide(frame: Frame) -> bool:
        wanted, among = element(frame), container(frame)
        if isinstance(among, list):
            charge(frame, search_weight(among, wanted) // (4 if type(wanted) is str else 1))
        return contains(among, wanted)

    return decide


def indexed(operand: Step, index: Step, find: Callable[[Any, Any], Any] = access.index) -> Step:
    """`operand[index]` and, with another way to find, `operand[?index]`."""
    return lambda frame: find(operand(frame), index(frame))


def addition(left: Step, right: Step) -> Step:
    """`left + right`; what grows is paid for."""

    def sum_(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        result = add(one, other)
        if type(one) not in _SCALARS and isinstance(result, str | list | bytes):
            charge(frame, len(result) // (1 if isinstance(result, list) else 10))
        return result

    return sum_
