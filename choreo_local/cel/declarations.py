"""What an environment is made of: functions with overloads, macros, libraries.

Libraries are declared with these, and so are the functions and macros that callers add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from choreo_local.cel.types import Type

if TYPE_CHECKING:
    from choreo_local.cel.ast import Call, Node

Implementation = Callable[..., Any]

Frame = list[Any]
"""What an evaluation keeps: the remaining cost, then a place for each variable."""

Step = Callable[[Frame], Any]
"""Evaluates a node in a frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Overload:
    """One form of a function.

    Attributes:
        arguments: types, of a method with the target's first.
        result: type of what it gives.
        implementation: called with the values; raises `EvaluationError`.
        member: whether it is called as a method.
        variadic: whether the last argument may come any number of times, also none.
        weight: cost of a call beside the fixed one, from the values; for work that grows with them.
        lazy: makes the step of a call from the steps of its arguments, when not all of these are
            to be evaluated; takes the place of the implementation.
    """

    arguments: tuple[Type, ...]
    result: Type
    implementation: Implementation
    member: bool = False
    variadic: bool = False
    weight: Callable[..., int] | None = None
    lazy: Callable[[Sequence[Step]], Step] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function by its name, e.g. `size`, `math.abs`, `_+_`.

    Attributes:
        overloads: its forms; they decide at the check, and at evaluation where types are dynamic.
        dispatch: takes the place of the overloads' implementations, for operators that look at the
            values themselves.
        inspect: looks at a call after its types are known, and complains about constants that can
            only fail.
    """

    name: str
    overloads: tuple[Overload, ...]
    dispatch: Implementation | None = None
    inspect: Callable[[Call, Callable[[int, str], None]], None] | None = None


class Expansion:
    """What a macro may use while it expands one call.

    Attributes:
        position: of the call; nodes that a macro makes belong there.
    """

    __slots__ = ("_report", "position")

    def __init__(self, position: int, report: Callable[[int, str], Node]) -> None:
        self.position = position
        self._report = report

    def error(self, message: str, at: Node | None = None) -> Node:
        """Complain about the call, or about one of its arguments."""
        return self._report(self.position if at is None else at.position, message)


Expander = Callable[[Expansion, "Node | None", Sequence["Node"]], "Node | None"]


@dataclass(frozen=True, slots=True, eq=False)
class Macro:
    """A call that the parser replaces.

    Attributes:
        name: of the function as written, without the target.
        arguments: how many; None for any number.
        member: whether it is called on a target.
        expand: gives the replacement, or None to leave the call as it is.
    """

    name: str
    arguments: int | None
    expand: Expander
    member: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class MessageType:
    """A message that expressions may construct.

    Attributes:
        name: in full.
        result: type of what construction gives.
        fields: their types.
        build: makes the value from the fields that were set.
    """

    name: str
    result: Type
    fields: Mapping[str, Type]
    build: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Functions, macros and named types that belong together.

    Attributes:
        types: names that stand for types.
        messages: what may be constructed.
        constants: values with a name of their own.
        uniform_literals: whether the elements of a list or a map must then be of one type.
    """

    name: str
    functions: Sequence[Function] = ()
    macros: Sequence[Macro] = ()
    types: Mapping[str, Type] = field(default_factory=dict)
    messages: Sequence[MessageType] = ()
    constants: Mapping[str, tuple[Type, Any]] = field(default_factory=dict)
    uniform_literals: bool = False
