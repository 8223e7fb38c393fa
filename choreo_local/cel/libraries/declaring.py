"""Short forms for declarations; for the libraries and for functions of callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choreo_local.cel.declarations import Function, Overload
from choreo_local.cel.types import Type

Form = tuple[tuple[Type, ...], Type, Callable[..., Any]]
Weight = Callable[..., int]


def functions(name: str, *forms: Form, weight: Weight | None = None) -> Function:
    """A function that is called as `name(…)`; a form is its arguments, its result and its code."""
    return Function(name, tuple(Overload(*form, weight=weight) for form in forms))


def methods(name: str, *forms: Form, weight: Weight | None = None) -> Function:
    """A function that is called as `target.name(…)`; the target is the first argument."""
    return Function(name, tuple(Overload(*form, member=True, weight=weight) for form in forms))


def size_weight(*values: Any) -> int:
    """Work that grows with the lengths of the arguments; ten characters count as one element."""
    weight = 0
    for value in values:
        if isinstance(value, list | dict):
            weight += len(value)
        elif isinstance(value, str | bytes):
            weight += len(value) // 10
    return weight
