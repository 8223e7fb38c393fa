"""Steps for calls of functions: values choose the overload where types left it open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from choreo_local.cel.declarations import Frame, Function, Overload, Step
from choreo_local.cel.errors import EvaluationError, overload_error
from choreo_local.cel.operators import charge
from choreo_local.cel.types import Kind, Type
from choreo_local.cel.values import Duration, Timestamp, TypeValue, Uint, type_name

Test = Callable[[Any], bool]

_CLASSES: dict[Kind, type] = {
    Kind.INT: int,
    Kind.UINT: Uint,
    Kind.DOUBLE: float,
    Kind.BOOL: bool,
    Kind.STRING: str,
    Kind.BYTES: bytes,
    Kind.NULL: type(None),
    Kind.TIMESTAMP: Timestamp,
    Kind.DURATION: Duration,
    Kind.TYPE: TypeValue,
}


def call_step(
    name: str,
    function: Function | None,
    overloads: Sequence[Overload],
    arguments: list[Step],
    *,
    member: bool,
) -> Step:
    """The call of a function with planned arguments, the target first."""
    if function is None:
        return _unknown(name)
    if function.dispatch is not None:
        weight = function.overloads[0].weight
        if weight is None:
            return _direct(function.dispatch, arguments)
        return _weighed(function.dispatch, weight, arguments)
    if len(overloads) != 1:
        overloads = [
            overload
            for overload in function.overloads
            if overload.member is member and _takes(overload, len(arguments))
        ]
    if len(overloads) == 1 and overloads[0].lazy is not None:
        return overloads[0].lazy(arguments)
    chosen = [_Candidate(overload, len(arguments)) for overload in overloads]
    if len(chosen) == 1 and len(arguments) == 1 and chosen[0].weight is None:
        return _unary(name, chosen[0], arguments[0])
    return _general(name, chosen, arguments)


def _takes(overload: Overload, count: int) -> bool:
    wanted = len(overload.arguments)
    return count >= wanted - 1 if overload.variadic else count == wanted


class _Candidate:
    """An overload with the tests of its arguments."""

    __slots__ = ("implementation", "tests", "weight")

    def __init__(self, overload: Overload, count: int) -> None:
        wanted = overload.arguments
        if overload.variadic:
            wanted = wanted[:-1] + (wanted[-1],) * (count - len(wanted) + 1)
        tests = [(place, test_of(type_)) for place, type_ in enumerate(wanted)]
        self.tests = [(place, test) for place, test in tests if test is not None]
        self.implementation = overload.implementation
        self.weight = overload.weight

    def accepts(self, values: list[Any]) -> bool:
        """Whether the values are of the overload's types."""
        return all(test(values[place]) for place, test in self.tests)


def test_of(type_: Type) -> Test | None:
    """Whether a value is of a type, looking no deeper than the first element; None for all are."""
    kind = type_.kind
    class_ = _CLASSES.get(kind)
    if class_ is not None:
        return lambda value: type(value) is class_
    if kind in (Kind.DYN, Kind.ANY, Kind.PARAMETER):
        return None
    if kind is Kind.LIST:
        return _list_test(test_of(type_.parameters[0]))
    if kind is Kind.MAP:
        return _map_test(test_of(type_.parameters[0]), test_of(type_.parameters[1]))
    if kind is Kind.OBJECT:
        return lambda value: isinstance(value, dict)
    if kind is Kind.WRAPPER:
        inner = test_of(type_.parameters[0])
        return lambda value: value is None or inner is None or inner(value)
    name = type_.name
    return lambda value: type_name(value) == name


def _list_test(element: Test | None) -> Test:
    if element is None:
        return lambda value: isinstance(value, list)
    return lambda value: isinstance(value, list) and (not value or element(value[0]))


def _map_test(key: Test | None, content: Test | None) -> Test:
    def test(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, part in value.items():
            return (key is None or key(name)) and (content is None or content(part))
        return True

    return test


def _unknown(name: str) -> Step:
    def fail(_frame: Frame) -> Any:
        raise EvaluationError(f"no such overload: {name}")

    return fail


def _direct(implementation: Callable[..., Any], arguments: list[Step]) -> Step:
    if len(arguments) == 2:
        left, right = arguments
        return lambda frame: implementation(left(frame), right(frame))
    return lambda frame: implementation(*[argument(frame) for argument in arguments])


def _weighed(
    implementation: Callable[..., Any], weight: Callable[..., int], arguments: list[Step]
) -> Step:
    def call(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        charge(frame, weight(*values))
        return implementation(*values)

    return call


def _unary(name: str, candidate: _Candidate, argument: Step) -> Step:
    implementation = candidate.implementation
    if not candidate.tests:
        return lambda frame: implementation(argument(frame))
    test = candidate.tests[0][1]

    def call(frame: Frame) -> Any:
        value = argument(frame)
        if test(value):
            return implementation(value)
        raise overload_error(name, [type_name(value)])

    return call


def _general(name: str, candidates: list[_Candidate], arguments: list[Step]) -> Step:
    def call(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        for candidate in candidates:
            if candidate.accepts(values):
                if candidate.weight is not None:
                    charge(frame, candidate.weight(*values))
                return candidate.implementation(*values)
        raise overload_error(name, [type_name(value) for value in values])

    return call
