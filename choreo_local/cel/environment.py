"""Declare variables, compile once, evaluate often: the entrance to this package.

environment = Environment({"metadata": types.DYN})
program = environment.compile("metadata.name + '-cfg'")
program.evaluate({"metadata": {"name": "shop"}})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from choreo_local.cel import macros as standard_macros
from choreo_local.cel.access import MISSING
from choreo_local.cel.ast import Node
from choreo_local.cel.checker import Checker
from choreo_local.cel.declarations import Function, Library, Macro, MessageType, Step
from choreo_local.cel.errors import CompileError, EvaluationError, Issue
from choreo_local.cel.libraries import STANDARD
from choreo_local.cel.parser import TOO_DEEP, MacroTable, parse
from choreo_local.cel.planner import Planner
from choreo_local.cel.scope import Scope
from choreo_local.cel.sizes import check_size
from choreo_local.cel.types import DYN, TooComplexError, Type

# What an evaluation may cost unless the caller says otherwise: about two seconds of work.
COST_LIMIT = 10_000_000


class Program:
    """A compiled expression; may be evaluated any number of times, also concurrently.

    Attributes:
        text: of the expression.
        result_type: deduced type of the result; dyn when only the evaluation can tell.
    """

    __slots__ = ("_cost", "_run", "_variables", "result_type", "text")

    def __init__(self, text: str, result_type: Type, run: Step, planner: Planner) -> None:
        self.text = text
        self.result_type = result_type
        self._run = run
        self._variables = tuple(planner.variables)
        self._cost = planner.planned

    def evaluate(self, variables: Mapping[str, Any], *, cost_limit: int = COST_LIMIT) -> Any:
        """The value of the expression.

        Args:
            variables: values in the representation of `values`; they are not changed.
            cost_limit: how much work it may be.

        Raises:
            EvaluationError: with these values the expression has none.
        """
        return self.measure(variables, cost_limit=cost_limit)[0]

    def measure(
        self, variables: Mapping[str, Any], *, cost_limit: int = COST_LIMIT
    ) -> tuple[Any, int]:
        """The value of the expression and what it has cost; an error knows its cost too."""
        frame = [cost_limit - self._cost]
        frame += [variables.get(name, MISSING) for name in self._variables]
        try:
            return self._run(frame), cost_limit - frame[0]
        except EvaluationError as error:
            error.cost = cost_limit - frame[0]
            raise
        except RecursionError:
            raise EvaluationError(TOO_DEEP) from None


class Environment:
    """What expressions may mention.

    Args:
        variables: names and types; a name may be dotted.
        functions: beside those of the libraries.
        macros: beside those of the libraries; they come first.
        libraries: `libraries.STANDARD` or a choice of one's own.
        container: namespace in which names are looked up first.
        strict_presence: whether `a.?b` is an error where `a` is nothing that could have a `b`.
    """

    def __init__(
        self,
        variables: Mapping[str, Type] | None = None,
        *,
        functions: Sequence[Function] = (),
        macros: Sequence[Macro] = (),
        libraries: Sequence[Library] = STANDARD,
        container: str = "",
        strict_presence: bool = False,
    ) -> None:
        shared = _assembled(tuple(libraries), tuple(functions), tuple(macros))
        self._macros = shared.macros
        self._scope = Scope(
            variables=dict(variables or {}),
            functions=shared.functions,
            types=shared.types,
            messages=shared.messages,
            constants=shared.constants,
            container=container,
            uniform_literals=shared.uniform_literals,
            strict_presence=strict_presence,
            resolutions=shared.resolutions,
        )

    def compile(self, text: str) -> Program:
        """Parse, check and plan an expression.

        Raises:
            CompileError: it is malformed or ill-typed.
        """
        return self._compiled(text, self._checked)

    def tree(self, text: str) -> Node:
        """The checked tree of an expression, for those who look at it without evaluating.

        Raises:
            CompileError: it is malformed or ill-typed.
        """
        root = parse(text, self._macros)
        self._checked(text, root)
        return root

    def compile_unchecked(self, text: str) -> Program:
        """Parse and plan an expression without a look at types."""
        return self._compiled(text, lambda *_: DYN)

    def _compiled(self, text: str, deduce: Callable[[str, Node], Type]) -> Program:
        try:
            root = parse(text, self._macros)
            result = deduce(text, root)
            return self._planned(text, root, result)
        except RecursionError:
            # Far below the limit of the parser, but the caller was deep in the stack already.
            raise CompileError(text, [Issue(-1, TOO_DEEP)]) from None

    def _checked(self, text: str, root: Node) -> Type:
        checker = Checker(self._scope)
        try:
            result = checker.check(root)
        except TooComplexError:
            raise CompileError(text, [Issue(-1, "type of an expression is too complex")]) from None
        if checker.issues:
            raise CompileError(text, checker.issues)
        return result

    def _planned(self, text: str, root: Node, result: Type) -> Program:
        planner = Planner(self._scope)
        run = planner.plan(root)
        if planner.may_grow():
            run = _measured(run)
        return Program(text, result, run, planner)


def _measured(run: Step) -> Step:
    def measured(frame: list[Any]) -> Any:
        result = run(frame)
        check_size(result)
        return result

    return measured


class _Assembled:
    """The contents of a choice of libraries."""

    __slots__ = (
        "constants",
        "functions",
        "macros",
        "messages",
        "resolutions",
        "types",
        "uniform_literals",
    )

    def __init__(self, libraries: tuple[Library, ...]) -> None:
        self.functions: dict[str, Function] = {}
        self.types: dict[str, Type] = {}
        self.messages: dict[str, MessageType] = {}
        self.constants: dict[str, tuple[Type, Any]] = {}
        self.resolutions: dict[Any, Any] = {}
        self.uniform_literals = any(library.uniform_literals for library in libraries)
        table = {_key(macro): macro for macro in standard_macros.STANDARD}
        for library in libraries:
            table.update({_key(macro): macro for macro in library.macros})
            self.types.update(library.types)
            self.messages.update({message.name: message for message in library.messages})
            self.constants.update(library.constants)
            for function in library.functions:
                self.functions[function.name] = _merged(self.functions.get(function.name), function)
        self.macros: MacroTable = table


@lru_cache(maxsize=64)
def _assembled(
    libraries: tuple[Library, ...],
    functions: tuple[Function, ...],
    macros: tuple[Macro, ...],
) -> _Assembled:
    return _Assembled((*libraries, Library("", functions, macros)))


def _key(macro: Macro) -> tuple[str, int | None, bool]:
    return macro.name, macro.arguments, macro.member


def _merged(one: Function | None, other: Function) -> Function:
    if one is None:
        return other
    return Function(
        one.name,
        one.overloads + other.overloads,
        other.dispatch or one.dispatch,
        other.inspect or one.inspect,
    )
