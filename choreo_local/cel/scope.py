"""What names mean in an environment; for the checker and the planner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.cel.declarations import Function, MessageType, Overload
from choreo_local.cel.types import Type, type_of

Resolution = tuple[Type | None, tuple[Overload, ...]]
# Enough for every call that templates of one installation make with types known at the check.
_MOST_RESOLUTIONS = 10_000


@dataclass(slots=True, eq=False)
class Scope:
    """The names of an environment.

    Attributes:
        variables: their types, by full name.
        functions: by full name.
        types: names that stand for types.
        messages: by full name.
        constants: types and values, by full name.
        container: the namespace in which names are looked up first.
        uniform_literals: whether the elements of a list or a map must be of one type.
        strict_presence: whether `a.?b` is an error where `a` is nothing that could have a `b`.
        dotted: whether a name with a dot in it may be a variable or a type.
        resolutions: remembered choices of overloads, shared by environments of the same functions.
    """

    variables: Mapping[str, Type]
    functions: Mapping[str, Function]
    types: Mapping[str, Type]
    messages: Mapping[str, MessageType] = field(default_factory=dict)
    constants: Mapping[str, tuple[Type, Any]] = field(default_factory=dict)
    container: str = ""
    uniform_literals: bool = False
    strict_presence: bool = False
    dotted: bool = True
    resolutions: dict[tuple[Function, tuple[object, ...]], Resolution] = field(default_factory=dict)

    def candidates(self, name: str) -> list[str]:
        """The full names that a name may stand for, the nearest first."""
        if name.startswith("."):
            return [name[1:]]
        if not self.container:
            return [name]
        parts = self.container.split(".")
        prefixes = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        return [*(f"{prefix}.{name}" for prefix in prefixes), name]

    def variable(self, name: str) -> tuple[str, Type] | None:
        """The full name and the type of a variable, of a type's name or of a constant."""
        for full in self.candidates(name):
            found = self.variables.get(full)
            if found is not None:
                return full, found
            named = self.types.get(full)
            if named is not None:
                return full, type_of(named)
            constant = self.constants.get(full)
            if constant is not None:
                return full, constant[0]
        return None

    def function(self, name: str) -> Function | None:
        """A function."""
        for full in self.candidates(name):
            found = self.functions.get(full)
            if found is not None:
                return found
        return None

    def message(self, name: str) -> MessageType | None:
        """A message."""
        for full in self.candidates(name):
            found = self.messages.get(full)
            if found is not None:
                return found
        return None

    def remember(self, key: tuple[Function, tuple[object, ...]], choice: Resolution) -> None:
        """Keep a choice of overloads for the next call with the same types."""
        if len(self.resolutions) < _MOST_RESOLUTIONS:
            self.resolutions[key] = choice
