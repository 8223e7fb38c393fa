"""The types of loops and of their variables; a part of `checker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from choreo_local.cel.ast import Comprehension
from choreo_local.cel.macros import pieces
from choreo_local.cel.types import BOOL, DYN, ERROR, INT, LOOSE, Kind, Type, list_of

if TYPE_CHECKING:
    from choreo_local.cel.checker import Checker


def comprehension(checker: Checker, node: Comprehension) -> Type:
    if node.shape == "map":
        return _mapped(checker, node)
    walked = checker.checks[type(node.range)](checker, node.range)
    carried = checker.checks[type(node.start)](checker, node.start)
    walked = checker.inference.bound(walked)
    depth = len(checker.locals)
    checker.locals.append((node.accumulator, carried))
    first, second = _walked(checker, node, walked)
    checker.locals.append((node.variable, first))
    if node.second:
        checker.locals.append((node.second, second))
    condition = checker.checks[type(node.condition)](checker, node.condition)
    checker.demand(node.condition, BOOL, condition)
    step = checker.checks[type(node.step)](checker, node.step)
    checker.demand(node.step, carried, step)
    del checker.locals[depth + 1 :]
    result = checker.checks[type(node.result)](checker, node.result)
    del checker.locals[depth:]
    node.type = checker.inference.bound(result)
    return node.type


def _mapped(checker: Checker, node: Comprehension) -> Type:
    """A loop that makes a list: its type without the detour over the types of the fold."""
    walked = checker.checks[type(node.range)](checker, node.range)
    walked = checker.inference.bound(walked)
    depth = len(checker.locals)
    first, second = _walked(checker, node, walked)
    checker.locals.append((node.variable, first))
    if node.second:
        checker.locals.append((node.second, second))
    condition, element = pieces(node)
    test = BOOL if condition is None else checker.checks[type(condition)](checker, condition)
    assert element is not None
    made = list_of(checker.checks[type(element)](checker, element))
    del checker.locals[depth:]
    if not checker.inference.assignable(test, BOOL):
        checker.no_overload(node.step, "_?_:_", (test, made, made))
    node.type = made
    return made


def _walked(checker: Checker, node: Comprehension, type_: Type) -> tuple[Type, Type]:
    """The types of the loop's variables."""
    if type_.kind is Kind.LIST:
        element = type_.parameters[0]
        return (INT, element) if node.second else (element, element)
    if type_.kind is Kind.MAP:
        return type_.parameters[0], type_.parameters[1]
    if type_.kind in LOOSE or type_.kind is Kind.PARAMETER:
        checker.inference.assignable(DYN, type_)
        return DYN, DYN
    checker.report(
        node.range.position,
        f"expression of type '{type_}' cannot be range of a comprehension"
        " (must be list, map, or dynamic)",
    )
    return ERROR, ERROR
