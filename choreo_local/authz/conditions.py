"""Conditions of policies: CEL over `resource`, the attributes of the request's action; pure.

A condition that cannot be evaluated fails closed: a denial counts, a permission does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from choreo_local.authz import actions
from choreo_local.authz.policies import DENY, UNCONDITIONAL
from choreo_local.cel import types
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.cel.libraries import standard, wellknown

# An expression that needs more is treated as one that fails: about a millisecond of work.
_COST_LIMIT = 5_000
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry: for some actions, an expression; `program` is None where it is malformed."""

    actions: tuple[str, ...]
    expression: str
    program: Program | None

    def concerns(self, action: str) -> bool:
        """Whether it narrows an action."""
        return any(actions.matches(pattern, action) for pattern in self.actions)


class _FailedError(Exception):
    """A condition has no answer."""


def holds(text: str, *, effect: str, action: str, attributes: Mapping[str, str]) -> bool:
    """Whether a policy with the conditions `text` counts for a request."""
    if text == UNCONDITIONAL:
        return True
    concerned = concerning(text, action)
    if not concerned:
        return True
    try:
        # All of them, even after a true one: one that fails decides.
        results = [_evaluate(condition, action, attributes) for condition in concerned]
    except _FailedError:
        return effect == DENY
    return any(results)


def concerning(text: str, action: str) -> list[Condition]:
    """The conditions of a policy that narrow an action; none where it counts anyway."""
    if text == UNCONDITIONAL:
        return []
    return [condition for condition in parsed(text) if condition.concerns(action)]


@lru_cache(maxsize=_REMEMBERED)
def parsed(text: str) -> tuple[Condition, ...]:
    """The conditions of a policy."""
    return tuple(
        Condition(tuple(entry["actions"]), entry["expression"], _compiled(entry["expression"]))
        for entry in json.loads(text)
    )


def _evaluate(condition: Condition, action: str, attributes: Mapping[str, str]) -> bool:
    if condition.program is None:
        raise _FailedError
    known = actions.ALL.get(action)
    variables = {}
    if known is not None and known.attribute:
        variables["resource"] = {known.attribute: attributes.get(known.attribute, "")}
    try:
        result = condition.program.evaluate(variables, cost_limit=_COST_LIMIT)
    except EvaluationError as error:
        raise _FailedError from error
    if not isinstance(result, bool):
        raise _FailedError
    return result


def expressions(found: Iterable[Condition]) -> list[str]:
    """The expressions of conditions, for a person."""
    return [condition.expression for condition in found]


@lru_cache(maxsize=_REMEMBERED)
def _compiled(expression: str) -> Program | None:
    try:
        return _environment().compile(expression)
    except CompileError:
        return None


@cache
def _environment() -> Environment:
    variables = {"resource": types.map_of(types.STRING, types.DYN)}
    return Environment(variables, libraries=(standard.LIBRARY, wellknown.LIBRARY))
