"""`includeWhen`, `forEach` and `where` of templates, the same in every pipeline; pure.

Public: `included(scope, condition)`, `items(scope, for_each)`, `iterations(scope, for_each, var)`,
`holds(scope, where)`, `NotBooleanError`, `NotListError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import printing
from .errors import RenderError
from .template import Scope

DEFAULT_VARIABLE = "item"

# A loop over more would make more objects than a cluster takes.
MAX_ITEMS = 10_000


class NotBooleanError(RenderError):
    """A condition gave something else than true or false; `kind` is the type of it."""

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class NotListError(RenderError):
    """A `forEach` gave neither a list nor a map."""


def included(scope: Scope, condition: str | None) -> bool:
    """Does an `includeWhen` let its template through? Without one, yes."""
    if not condition:
        return True
    value = scope.render(condition)
    if isinstance(value, bool):
        return value
    raise NotBooleanError(f"includeWhen must evaluate to boolean, got {printing.type_name(value)}")


def holds(scope: Scope, expression: str) -> bool:
    """The truth of a rule or a `where`.

    Raises:
        NotBooleanError: it is not a boolean; callers word the message around its `kind`.
    """
    value = scope.render(expression)
    if isinstance(value, bool):
        return value
    kind = printing.type_name(value)
    raise NotBooleanError(f"must evaluate to boolean, got {kind}", kind=kind)


def items(scope: Scope, for_each: str) -> list[Any]:
    """What a `forEach` loops over; of a map the entries as `{key, value}`, by key."""
    value = scope.render(for_each)
    if isinstance(value, dict | list) and len(value) > MAX_ITEMS:
        raise RenderError(f"forEach has {len(value)} items, at most {MAX_ITEMS} are allowed")
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"key": key, "value": value[key]} for key in sorted(value)]
    raise NotListError(f"forEach must evaluate to array or map, got {printing.type_name(value)}")


def variable(entry: Mapping[str, Any]) -> str:
    """The name of the loop variable of a template, patch, remove or validation."""
    return str(entry.get("var") or DEFAULT_VARIABLE)


def iterations(scope: Scope, entry: Mapping[str, Any]) -> Iterator[Scope]:
    """The scope of each pass over an entry; the scope itself when it does not loop."""
    if not entry.get("forEach"):
        yield scope
        return
    name = variable(entry)
    for item in items(scope, entry["forEach"]):
        yield scope.bound(**{name: item})
