"""CEL for admission: the variables of policies and match conditions, and the authorizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

from choreo_local.apimachinery.schema import ruletypes
from choreo_local.cel import types
from choreo_local.cel.declarations import Library
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.cel.libraries.declaring import methods
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.plugins import patchtypes, rules
from choreo_local.embedded.kubeapi.rbac import Action
from choreo_local.embedded.storage.store import Store

_AUTHORIZER = types.opaque("kubernetes.authorization.Authorizer")
_PATH = types.opaque("kubernetes.authorization.PathCheck")
_GROUP = types.opaque("kubernetes.authorization.GroupCheck")
_RESOURCE = types.opaque("kubernetes.authorization.ResourceCheck")
_DECISION = types.opaque("kubernetes.authorization.Decision")


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """An action that an expression is putting together."""

    authorizer: Authorizer
    user: User
    action: Action

    def with_(self, **changes: str) -> Any:
        return replace(self, action=replace(self.action, **changes))


@dataclass(frozen=True, slots=True, eq=False)
class _AuthorizerValue(_Check):
    cel_type: ClassVar[str] = _AUTHORIZER.name


@dataclass(frozen=True, slots=True, eq=False)
class _PathValue(_Check):
    cel_type: ClassVar[str] = _PATH.name


@dataclass(frozen=True, slots=True, eq=False)
class _GroupValue(_Check):
    cel_type: ClassVar[str] = _GROUP.name


@dataclass(frozen=True, slots=True, eq=False)
class _ResourceValue(_Check):
    cel_type: ClassVar[str] = _RESOURCE.name


@dataclass(frozen=True, slots=True, eq=False)
class _DecisionValue:
    cel_type: ClassVar[str] = _DECISION.name
    allowed: bool
    reason: str


def _as(kind: type[_Check], check: _Check, **changes: str) -> _Check:
    return kind(check.authorizer, check.user, replace(check.action, **changes))


def _for_account(check: _Check, namespace: str, name: str) -> _Check:
    groups = (
        "system:serviceaccounts",
        f"system:serviceaccounts:{namespace}",
        "system:authenticated",
    )
    return replace(check, user=User(f"system:serviceaccount:{namespace}:{name}", groups))


def _decide(check: _Check, verb: str) -> _DecisionValue:
    found = check.authorizer.decide(check.user, replace(check.action, verb=verb))
    return _DecisionValue(found.allowed, found.reason)


_STRING, _BOOL = types.STRING, types.BOOL
_LIBRARY = Library(
    "kubernetes.authz",
    functions=(
        methods("serviceAccount", ((_AUTHORIZER, _STRING, _STRING), _AUTHORIZER, _for_account)),
        methods(
            "path",
            ((_AUTHORIZER, _STRING), _PATH, lambda one, path: _as(_PathValue, one, path=path)),
        ),
        methods(
            "group",
            ((_AUTHORIZER, _STRING), _GROUP, lambda one, group: _as(_GroupValue, one, group=group)),
        ),
        methods(
            "resource",
            (
                (_GROUP, _STRING),
                _RESOURCE,
                lambda one, resource: _as(_ResourceValue, one, resource=resource),
            ),
        ),
        *(
            methods(
                name,
                (
                    (_RESOURCE, _STRING),
                    _RESOURCE,
                    lambda one, value, name=name: one.with_(**{name: value}),
                ),
            )
            for name in ("subresource", "namespace", "name")
        ),
        methods(
            "check",
            ((_PATH, _STRING), _DECISION, _decide),
            ((_RESOURCE, _STRING), _DECISION, _decide),
        ),
        methods("allowed", ((_DECISION,), _BOOL, lambda one: one.allowed)),
        methods("reason", ((_DECISION,), _STRING, lambda one: one.reason)),
        methods("errored", ((_DECISION,), _BOOL, lambda _: False)),
        methods("error", ((_DECISION,), _STRING, lambda _: "")),
    ),
)
_VARIABLES = {
    "object": types.DYN,
    "oldObject": types.DYN,
    "request": types.DYN,
    "params": types.DYN,
    "namespaceObject": types.DYN,
    "variables": types.DYN,
    "authorizer": _AUTHORIZER,
    "authorizer.requestResource": _RESOURCE,
}


@lru_cache(maxsize=512)
def compile_(text: str, *, without: tuple[str, ...] = (), patching: bool = False) -> Program:
    """A compiled expression of a policy or match condition; CompileError when it is malformed.

    Args:
        text: the expression.
        without: variables that are not there where the expression stands.
        patching: it may construct objects and patches.
    """
    known = {name: kind for name, kind in _VARIABLES.items() if name not in without}
    more = patchtypes.libraries(text) if patching else ()
    return Environment(known, libraries=(*ruletypes.LIBRARIES, _LIBRARY, *more)).compile(text)


def bind(attributes: Attributes, authorizer: Authorizer, store: Store) -> dict[str, Any]:
    """The values of the variables for one request."""
    user = attributes.call.user
    kind = attributes.call.collection.kind
    request = rules.describe(attributes)
    namespace = store.get("namespaces", attributes.namespace) if attributes.namespace else None
    action = Action(
        "",
        kind.group,
        kind.plural,
        attributes.call.subresource,
        attributes.namespace,
        attributes.name,
    )
    return {
        "object": attributes.new,
        "oldObject": attributes.old,
        "request": request,
        "params": None,
        "namespaceObject": None if namespace is None else namespace.object,
        "variables": {},
        "authorizer": _AuthorizerValue(authorizer, user, Action("")),
        "authorizer.requestResource": _ResourceValue(authorizer, user, action),
    }


class ConditionError(ValueError):
    """It cannot be told whether all conditions hold; the text is the real server's."""


def holds(conditions: Any, values: Mapping[str, Any]) -> bool:
    """Whether all match conditions hold; ConditionError when that cannot be told."""
    failed = []
    for condition in conditions or ():
        text = condition["expression"]
        try:
            if compile_(text).evaluate(values) is not True:
                return False
        except (CompileError, EvaluationError) as error:
            failed.append(f"expression '{text}' resulted in error: {error.message}")
    if failed:
        raise ConditionError(failed[0] if len(failed) == 1 else f"[{', '.join(failed)}]")
    return True
