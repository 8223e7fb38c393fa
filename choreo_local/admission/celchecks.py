"""Type checks of expressions before anything is rendered, and how their problems are worded.

An environment here knows the types of its variables, so `parameters.nosuch` is refused when a
type is written and not when the first component of it is rendered.

Public: `TypedEnvironment`, `boolean_problem(…)`, `iteration_problem(…)`, `loop_type(…)`,
`ExpressionError`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from choreo_local.cel import ast, types
from choreo_local.cel.ast import Call, Ident, Literal, Node, Select
from choreo_local.cel.checker import Checker
from choreo_local.cel.declarations import Library
from choreo_local.cel.environment import Environment
from choreo_local.cel.errors import CompileError, Issue
from choreo_local.cel.parser import TOO_DEEP, parse
from choreo_local.cel.types import Kind, ObjectType, Type
from choreo_local.errors import ChoreoError

# Longer expressions are checked each time: kept, they would outweigh what the check costs.
_LONGEST_KEPT = 1000
_LOOP_ENTRY = "MapEntry"


class ExpressionError(ChoreoError):
    """An expression is malformed or ill-typed.

    Attributes:
        stage: which step refused it, `parse` or `type check`.
    """

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage

    @property
    def problem(self) -> str:
        """The step and what it said."""
        return f"{self.stage} error: {self.message}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of an expression that passed.

    Attributes:
        type: of its result.
        fields: `x` of each `watched.x`, in the order of evaluation.
        keys: `x` of each `watched["x"]`, likewise.
    """

    type: Type
    fields: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class TypedEnvironment(Environment):
    """Variables with types.

    Args:
        variables: names and types.
        libraries: what expressions may call.
        watched: a variable whose direct members are to be noted.
    """

    def __init__(
        self, variables: Mapping[str, Type], libraries: Sequence[Library], *, watched: str = ""
    ) -> None:
        super().__init__(variables, libraries=libraries)
        self._declared = dict(variables)
        self._libraries = tuple(libraries)
        self._watched = f".{watched}" if watched else ""

    def check(self, text: str) -> Checked:
        """Parse and check an expression.

        Raises:
            ExpressionError: it is malformed or ill-typed.
        """
        if len(text) <= _LONGEST_KEPT:
            return _kept_check(self, text)
        return self.check_anew(text)

    def check_anew(self, text: str) -> Checked:
        """The same without a look at what was found before."""
        try:
            root = self._parsed(text)
            type_ = self._type_of(text, root)
        except RecursionError:
            # Far below the limit of the parser, but the caller was deep in the stack already.
            raise _ill_typed(text, [Issue(-1, TOO_DEEP)]) from None
        return Checked(type_, *self._members(root)) if self._watched else Checked(type_)

    def with_variable(self, name: str, type_: Type) -> TypedEnvironment:
        """The same environment with one more variable, which hides another of its name."""
        return _extended(self, name, type_)

    def extended(self, name: str, type_: Type) -> TypedEnvironment:
        """A new environment with one more variable."""
        variables = {**self._declared, name: type_}
        return TypedEnvironment(variables, self._libraries, watched=self._watched[1:])

    def _parsed(self, text: str) -> Node:
        try:
            return parse(text, self._macros)
        except CompileError as error:
            raise ExpressionError("parse", error.message) from error

    def _type_of(self, text: str, root: Node) -> Type:
        checker = Checker(self._scope)
        try:
            result = checker.check(root)
        except types.TooComplexError:
            issue = Issue(-1, "type of an expression is too complex")
            raise _ill_typed(text, [issue]) from None
        if checker.issues:
            raise _ill_typed(text, checker.issues)
        return result

    def _members(self, root: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The members of the watched variable that a tree names, as fields and as keys."""
        fields, keys = [], []
        for node in _evaluation_order(root):
            if isinstance(node, Select) and self._is_watched(node.operand):
                fields.append(node.field)
            elif isinstance(node, Call) and node.function == "_[_]":
                operand, key = node.arguments
                if self._is_watched(operand) and isinstance(key, Literal):
                    keys.append(key.value)
        texts = [key for key in keys if isinstance(key, str)]
        return tuple(dict.fromkeys(fields)), tuple(dict.fromkeys(texts))

    def _is_watched(self, node: Node) -> bool:
        # After the check a variable has a leading dot, and one of a loop has none.
        return isinstance(node, Ident) and node.name == self._watched


@functools.lru_cache(maxsize=8192)
def _kept_check(environment: TypedEnvironment, text: str) -> Checked:
    return environment.check_anew(text)


@functools.lru_cache(maxsize=1024)
def _extended(environment: TypedEnvironment, name: str, type_: Type) -> TypedEnvironment:
    return environment.extended(name, type_)


def boolean_problem(environment: TypedEnvironment, text: str) -> str:
    """Why an expression is not a condition; empty when it is one."""
    try:
        found = environment.check(text).type
    except ExpressionError as error:
        return error.problem
    if found.kind in (Kind.DYN, Kind.BOOL):
        return ""
    return f"expression must return boolean, got {found}"


def iteration_problem(environment: TypedEnvironment, text: str) -> str:
    """Why an expression is nothing to iterate over; empty when it is."""
    try:
        found = environment.check(text).type
    except ExpressionError as error:
        return error.problem
    if found.kind in (Kind.DYN, Kind.LIST, Kind.MAP):
        return ""
    return f"forEach expression must return list or map, got {found}"


def loop_type(environment: TypedEnvironment, text: str) -> Type:
    """The type of the variable of a loop over an expression; dyn where it cannot be told.

    Raises:
        ExpressionError: the expression is malformed.
    """
    try:
        found = environment.check(text).type
    except ExpressionError as error:
        if error.stage == "parse":
            raise
        return types.DYN
    if found.kind is Kind.LIST:
        return found.parameters[0]
    if found.kind is Kind.MAP:
        value = _outlined(found.parameters[1], f"{_LOOP_ENTRY}.value")
        return types.object_of(_LOOP_ENTRY, {"key": types.STRING, "value": value})
    return types.DYN


def _outlined(type_: Type, name: str) -> Type:
    """An object type of which only the names of fields are known, at every level."""
    if not isinstance(type_, ObjectType) or not type_.fields:
        return types.DYN
    fields = {
        field: _outlined(entry.type, f"{name}.{field}") for field, entry in type_.fields.items()
    }
    return types.object_of(name, fields)


def _evaluation_order(root: Node) -> Iterator[Node]:
    """Every node of a tree, each after those below it."""
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += ast.children(node)
    return reversed(found)


def _ill_typed(text: str, issues: Sequence[Issue]) -> ExpressionError:
    return ExpressionError("type check", CompileError(text, issues).message)
