"""What is refused of AuthzRoleBindings and ClusterAuthzRoleBindings: conditions; pure.

A condition may look at what its actions are about, and at nothing else.

Public: `problems(…)`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.authz import actions
from choreo_local.cel import types
from choreo_local.cel.libraries import standard, wellknown
from choreo_local.rendering import values

from . import reading
from .celchecks import ExpressionError, TypedEnvironment

Spec = Mapping[str, Any]

_RESOURCE = "resource"


def problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a binding."""
    for mapping_path, mapping in reading.entries(spec.get("roleMappings"), f"{path}.roleMappings"):
        field = f"{mapping_path}.conditions"
        for below, condition in reading.entries(mapping.get("conditions"), field):
            yield from _condition(condition, below)


def _condition(condition: Spec, path: str) -> Iterator[FieldError]:
    patterns = [reading.text(action) for action in values.items(condition.get("actions"))]
    expression = reading.text(condition.get("expression"))
    if not patterns:
        yield fielderrors.required(f"{path}.actions", "actions must be non-empty")
    if not expression:
        yield fielderrors.required(f"{path}.expression", "expression must be non-empty")
    if patterns and expression:
        yield from _expression(patterns, expression, path)


def _expression(patterns: list[str], expression: str, path: str) -> Iterator[FieldError]:
    where = f"{path}.expression"
    try:
        checked = _environment().check(expression)
    except ExpressionError as error:
        detail = f"CEL compile error: {error.message}"
        yield fielderrors.invalid_value(where, expression, detail)
        return
    if checked.type is not types.BOOL:
        detail = f"expression must return bool, got {checked.type}"
        yield fielderrors.invalid_value(where, expression, detail)
        return
    attribute, shown = _attribute(patterns), gotext.plain(patterns)
    if not attribute:
        detail = f"conditions are not supported for the specified action set {shown}"
        yield fielderrors.invalid_value(f"{path}.actions", patterns, detail)
        return
    allowed = f"[{_RESOURCE}.{attribute}]"
    if not checked.fields:
        detail = (
            "expression must reference at least one allowed attribute; allowed attributes for"
            f" actions {shown} are: {allowed}"
        )
        yield fielderrors.invalid_value(where, expression, detail)
    for field in checked.fields:
        if field != attribute:
            named = fielderrors.quote(f"{_RESOURCE}.{field}")
            detail = f"attribute {named} is not supported for actions {shown}; allowed: {allowed}"
            yield fielderrors.invalid_value(where, expression, detail)


def _attribute(patterns: Sequence[str]) -> str:
    """The attribute that all of some patterns of actions have; empty when there is none."""
    found = {_attribute_of(pattern) for pattern in patterns}
    return found.pop() if len(found) == 1 else ""


def _attribute_of(pattern: str) -> str:
    known = (actions.ALL.get(name) for name in actions.expanded(pattern))
    found = {action.attribute if action is not None else "" for action in known}
    return found.pop() if len(found) == 1 else ""


@functools.cache
def _environment() -> TypedEnvironment:
    variables = {_RESOURCE: types.map_of(types.STRING, types.DYN)}
    return TypedEnvironment(variables, (standard.LIBRARY, wellknown.LIBRARY), watched=_RESOURCE)
