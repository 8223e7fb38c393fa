"""What kube-apiserver allows and refuses beyond the language: mixed comparisons, bad literals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choreo_local.cel.ast import Call, Literal
from choreo_local.cel.declarations import Function, Library, Overload
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries import times
from choreo_local.cel.patterns import compiled
from choreo_local.cel.types import BOOL, DOUBLE, INT, UINT

_MIXED = [(one, other) for one in (INT, UINT, DOUBLE) for other in (INT, UINT, DOUBLE)]


def _planned(*_values: Any) -> Any:
    """Stands where the operator's own dispatch does the work."""
    raise AssertionError("planned otherwise")


def _comparison(name: str) -> Function:
    """Numbers of different types may be compared."""
    overloads = [
        Overload((one, other), BOOL, _planned) for one, other in _MIXED if one is not other
    ]
    return Function(name, tuple(overloads))


def _literal(name: str, read: Callable[[str], Any]) -> Function:
    """A constant argument that can only fail is refused before evaluation."""

    def inspect(call: Call, report: Callable[[int, str], None]) -> None:
        argument = call.arguments[-1] if call.arguments else None
        if not (isinstance(argument, Literal) and isinstance(argument.value, str)):
            return
        try:
            read(argument.value)
        except EvaluationError:
            report(argument.position, f"invalid {name} argument")

    return Function(name, (), inspect=inspect)


LIBRARY = Library(
    "kubernetes strictness",
    functions=(
        *map(_comparison, ("_<_", "_<=_", "_>_", "_>=_")),
        _literal("duration", times.duration_of_string),
        _literal("timestamp", times.timestamp_of_string),
        _literal("matches", compiled),
    ),
    uniform_literals=True,
)
