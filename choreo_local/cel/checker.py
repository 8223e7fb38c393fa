"""Deduces and checks types; annotates the tree for the planner. Messages are those of cel-go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from choreo_local.cel import composites, folds, values
from choreo_local.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
    qualified_name,
)
from choreo_local.cel.declarations import Function
from choreo_local.cel.errors import Issue
from choreo_local.cel.inference import Inference
from choreo_local.cel.scope import Scope
from choreo_local.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    LOOSE,
    NULL,
    STRING,
    UINT,
    Kind,
    ObjectType,
    Type,
    optional_content,
    optional_of,
)

_CONSTANTS: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    values.Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
}
# They take values of any types in one list, also where literals must be uniform.
_MIXING = frozenset({"format"})
_LOGICAL = frozenset({"_&&_", "_||_"})

Check = Callable[["Checker", Any], Type]
"""Deduces the type of a node of one form."""


class Checker:
    """One check of one tree.

    Attributes:
        issues: what is wrong; the tree may be used when it is empty.
        locals: names and types of the variables of loops, the innermost last.
        checks: how to deduce the type of each form of node; called without a method between, as
            every frame on Python's stack counts in deep trees.
        mixing: how many calls around this place take lists of values of any types.
    """

    checks: ClassVar[dict[type[Node], Check]]

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.issues: list[Issue] = []
        self.inference = Inference()
        self.locals: list[tuple[str, Type]] = []
        self.mixing = 0

    def check(self, root: Node) -> Type:
        """Annotate the tree; the type of the whole."""
        return self.inference.resolved(self.checks[type(root)](self, root))

    def report(self, position: int, message: str) -> None:
        """Note a complaint."""
        self.issues.append(Issue(position, message))

    def joined(self, previous: Type | None, current: Type, at: Node) -> Type:
        """The type of the elements of a literal after one more of them."""
        found = self.inference.joined(previous, current)
        if found is not None:
            return found
        if self.scope.uniform_literals and not self.mixing:
            self.report(at.position, f"expected type '{previous}' but found '{current}'")
        return DYN

    def demand(self, node: Node, wanted: Type, given: Type) -> None:
        """Complain about a node whose type does not fit."""
        if not self.inference.assignable(wanted, given):
            self.report(node.position, f"expected type '{wanted}' but found '{given}'")

    def undeclared(self, node: Node, name: str) -> Type:
        """Complain about a name that means nothing."""
        container = self.scope.container
        self.report(node.position, f"undeclared reference to '{name}' (in container '{container}')")
        return ERROR

    def no_overload(
        self, at: Node, function: str, given: Sequence[Type], *, member: bool = False
    ) -> None:
        """Complain about a call for which no overload fits."""
        shown = [str(self.inference.resolved(type_)) for type_ in given]
        target = f"{shown.pop(0)}." if member else ""
        applied = f"'{target}({', '.join(shown)})'"
        self.report(
            at.position, f"found no matching overload for '{function}' applied to {applied}"
        )


def _literal(checker: Checker, node: Literal) -> Type:
    node.type = _CONSTANTS[type(node.value)]
    return node.type


def _ident(checker: Checker, node: Ident) -> Type:
    name = node.name
    for known, type_ in reversed(checker.locals):
        if known == name:
            node.type = type_
            return type_
    found = checker.scope.variable(name)
    if found is None:
        return checker.undeclared(node, name)
    full, node.type = found
    node.name = f".{full}"
    return node.type


def _select(checker: Checker, node: Select) -> Type:
    if not node.test and checker.scope.dotted:
        name = _qualified(checker, node)
        found = checker.scope.variable(name) if name else None
        if found is not None:
            full, node.type = found
            node.variable = f".{full}"
            return node.type
    operand = node.operand
    type_ = checker.checks[type(operand)](checker, operand)
    result = DYN if type_ is DYN else _field_type(checker, node, type_, node.field)
    node.type = BOOL if node.test else result
    return node.type


def _qualified(checker: Checker, node: Node) -> str | None:
    """The dotted name of a node whose root is not a variable of a loop."""
    name = qualified_name(node)
    if name is None:
        return None
    root = name.split(".", 1)[0]
    return None if any(root == known for known, _ in checker.locals) else name


def _field_type(checker: Checker, node: Node, operand: Type, field: str) -> Type:
    operand = checker.inference.bound(operand)
    content = optional_content(operand)
    target = operand if content is None else content
    result = DYN
    if target.kind is Kind.MAP:
        result = target.parameters[1]
    elif isinstance(target, ObjectType):
        found = target.fields.get(field)
        if found is None:
            checker.report(node.position, f"undefined field '{field}'")
            result = ERROR
        else:
            result = found.type
    elif target.kind is Kind.PARAMETER:
        checker.inference.assignable(DYN, target)
    elif target.kind not in LOOSE:
        checker.report(node.position, f"type '{target}' does not support field selection")
    return result if content is None else optional_of(result)


def _call(checker: Checker, node: Call) -> Type:
    if node.function == "_?._":
        return _optional_select(checker, node)
    mixing = node.function in _MIXING
    checker.mixing += mixing
    given = []
    for argument in node.arguments:
        given.append(checker.checks[type(argument)](checker, argument))  # noqa: PERF401 - one stack frame less
    checker.mixing -= mixing
    target = node.target
    if target is None:
        function = checker.scope.function(node.function)
        if function is None:
            return checker.undeclared(node, node.function)
        return _resolve(checker, node, function, given, member=False)
    namespace = _qualified(checker, target)
    if namespace is not None:
        function = checker.scope.function(f"{namespace}.{node.function}")
        if function is not None:
            node.target = None
            node.function = function.name
            return _resolve(checker, node, function, given, member=False)
    given.insert(0, checker.checks[type(target)](checker, target))
    function = checker.scope.function(node.function)
    if function is None:
        return checker.undeclared(node, node.function)
    return _resolve(checker, node, function, given, member=True)


def _optional_select(checker: Checker, node: Call) -> Type:
    operand, field = node.arguments
    type_ = checker.checks[type(operand)](checker, operand)
    if not (isinstance(field, Literal) and isinstance(field.value, str)):
        checker.report(node.position, f"unsupported optional field selection: {field}")
        return ERROR
    result = _field_type(checker, node, type_, field.value)
    node.type = result if optional_content(result) is not None else optional_of(result)
    return node.type


def _resolve(
    checker: Checker, node: Call, function: Function, given: list[Type], *, member: bool
) -> Type:
    """The overloads that fit, and the type they give."""
    node.function = function.name
    if node.function in _LOGICAL and not _are_conditions(checker, node, given):
        return ERROR
    if any(type_.open for type_ in given):
        known = checker.inference.matching(function, given, member=member)
    else:
        key = (function, (member, *given))
        remembered = checker.scope.resolutions.get(key)
        known = remembered or checker.inference.matching(function, given, member=member)
        # A result that is open must have parameters of its own in each call.
        if remembered is None and (known[0] is None or not known[0].open):
            checker.scope.remember(key, known)
    result, node.overloads = known
    if result is None:
        checker.no_overload(node, node.function, given, member=member)
        return ERROR
    node.type = result
    if function.inspect is not None:
        function.inspect(node, checker.report)
    return result


def _are_conditions(checker: Checker, node: Call, given: Sequence[Type]) -> bool:
    """Whether the arguments of a logical operator fit; complaints about each are its own."""
    before = len(checker.issues)
    for argument, type_ in zip(node.arguments, given, strict=True):
        if type_ is not BOOL:
            checker.demand(argument, BOOL, type_)
    return len(checker.issues) == before


Checker.checks = {
    Literal: _literal,
    Ident: _ident,
    Select: _select,
    Call: _call,
    ListLiteral: composites.list_literal,
    MapLiteral: composites.map_literal,
    Message: composites.message,
    Comprehension: folds.comprehension,
}
