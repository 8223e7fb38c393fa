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
from choreo_local.cel import types
from choreo_local.cel.libraries import standard, wellknown
from choreo_local.rendering import values

from . import reading
from .celchecks import ExpressionError, TypedEnvironment

Spec = Mapping[str, Any]

_RESOURCE = "resource"
_EVERY_VERB = ("create", "view", "update", "delete")
_CHANGES = ("create", "update", "delete")

# What each action is about, for those that conditions can be written on. Resources of the API that
# are not here have no attribute, so a pattern that names them allows no condition.
_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "component": {**dict.fromkeys(_CHANGES, "componentType"), "view": "", "exec": "environment"},
    "resource": {**dict.fromkeys(_CHANGES, "resourceType"), "view": ""},
    "workflowrun": {**dict.fromkeys(_CHANGES, "workflow"), "view": ""},
    "releasebinding": dict.fromkeys(_EVERY_VERB, "environment"),
    "resourcereleasebinding": dict.fromkeys(_EVERY_VERB, "environment"),
    "projectreleasebinding": dict.fromkeys(_EVERY_VERB, "environment"),
    **{name: {"view": "environment"} for name in ("logs", "wirelogs", "metrics", "traces")},
}


def problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a binding."""
    for mapping_path, mapping in reading.entries(spec.get("roleMappings"), f"{path}.roleMappings"):
        field = f"{mapping_path}.conditions"
        for below, condition in reading.entries(mapping.get("conditions"), field):
            yield from _condition(condition, below)


def _condition(condition: Spec, path: str) -> Iterator[FieldError]:
    actions = [reading.text(action) for action in values.items(condition.get("actions"))]
    expression = reading.text(condition.get("expression"))
    if not actions:
        yield fielderrors.required(f"{path}.actions", "actions must be non-empty")
    if not expression:
        yield fielderrors.required(f"{path}.expression", "expression must be non-empty")
    if actions and expression:
        yield from _expression(actions, expression, path)


def _expression(actions: list[str], expression: str, path: str) -> Iterator[FieldError]:
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
    attribute, shown = _attribute(actions), gotext.plain(actions)
    if not attribute:
        detail = f"conditions are not supported for the specified action set {shown}"
        yield fielderrors.invalid_value(f"{path}.actions", actions, detail)
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


def _attribute(actions: Sequence[str]) -> str:
    """The attribute that all of some patterns of actions have; empty when there is none."""
    found = {_attribute_of(action) for action in actions}
    return found.pop() if len(found) == 1 else ""


def _attribute_of(pattern: str) -> str:
    resource, _, verb = pattern.partition(":")
    verbs = _ATTRIBUTES.get(resource, {})
    if verb != "*":
        return verbs.get(verb, "")
    found = set(verbs.values())
    return found.pop() if len(found) == 1 else ""


@functools.cache
def _environment() -> TypedEnvironment:
    variables = {_RESOURCE: types.map_of(types.STRING, types.DYN)}
    return TypedEnvironment(variables, (standard.LIBRARY, wellknown.LIBRARY), watched=_RESOURCE)
