"""The decision point on casbin; the only module that knows casbin.

The model is upstream's. The policy set proposes the few policies that can fit a request; casbin
decides over them, so its cost does not grow with the number of bindings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import casbin
from casbin.model import Model

from choreo_local.authz import conditions, explanations, profiles
from choreo_local.authz.actions import ANY
from choreo_local.authz.policies import (
    ALLOW,
    ANY_NAMESPACE,
    DENY,
    UNCONDITIONAL,
    Grant,
    Policy,
    Role,
    grants,
    is_role,
    policies,
    role_of,
)
from choreo_local.authz.policyset import PolicySet, decisive
from choreo_local.authz.types import (
    ANYWHERE,
    OWNER,
    Decision,
    Explanation,
    Hierarchy,
    Request,
    Subject,
)
from choreo_local.errors import BadRequestError

NO_POLICY = "no matching policies found"
_MODEL = """
[request_definition]
r = sub, resource, act, ctx
[policy_definition]
p = sub, resource, role, role_ns, eft, cond, binding
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.sub == p.sub && reaches(p.resource, r.resource) && grants(p.role, p.role_ns, r.act) \
&& holds(p.cond, p.eft, r.act, r.ctx)
"""
# What the owner of the instance may do is no object that somebody could delete or forbid: whoever
# has the state directory has everything in it anyway, and must be able to mend the policies.
_OWN_ROLE = Role("choreo.dev/owner", ANY_NAMESPACE)
_OWN_POLICIES = tuple(
    Policy(
        f"{OWNER.claim}:{value}",
        ANYWHERE,
        *_OWN_ROLE,
        effect=ALLOW,
        condition=UNCONDITIONAL,
        binding=_OWN_ROLE.name,
    )
    for value in OWNER.values
)
_OWN_SUBJECTS = f"{OWNER.claim}:"


class _Engine(casbin.Enforcer):  # type: ignore[misc]  # casbin is untyped
    """casbin with its matcher parsed once instead of at every request."""

    _parsed: Any = None

    def _get_expression(self, expr: str, functions: Mapping[str, Any] | None = None) -> Any:
        if self._parsed is None:
            self._parsed = super()._get_expression(expr, functions)
        return self._parsed

    def decide(self, candidates: list[Policy], *request: Any) -> bool:
        """Whether a request is allowed when these are all the policies."""
        self.model["p"]["p"].policy = candidates
        return bool(self.enforce_ex(*request)[0])


class Enforcer:
    """Decides by the Authz objects it was told of. Belongs to one thread.

    Objects are given in any order: a binding whose role is missing grants nothing until it comes.
    """

    enabled = True

    def __init__(self) -> None:
        self._known = PolicySet()
        self._known.set_role(_OWN_ROLE, [Grant(_OWN_ROLE.name, ANY, _OWN_ROLE.namespace)])
        self._known.set_policies(_OWN_ROLE.name, _OWN_POLICIES)
        # casbin writes a line for every denial; the API's access and audit logs say more.
        logging.getLogger("casbin").setLevel(logging.ERROR)
        model = Model()
        model.load_model_from_text(_MODEL)
        self._engine = _Engine(model)
        self._engine.add_function("reaches", _reaches)
        self._engine.add_function("grants", self._grants)
        self._engine.add_function("holds", _holds)

    # What is in force.

    def put(self, obj: Mapping[str, Any]) -> None:
        """An object of one of the four Authz kinds is there, or has changed."""
        if is_role(obj):
            self.set_role(role_of(obj), grants(obj))
        else:
            found = policies(obj)
            others = [each for each in found if not each.subject.startswith(_OWN_SUBJECTS)]
            self.set_policies(_source(obj), others)

    def drop(self, obj: Mapping[str, Any]) -> None:
        """An object of one of the four Authz kinds is gone."""
        if is_role(obj):
            self.set_role(role_of(obj), ())
        else:
            self.set_policies(_source(obj), ())

    def set_role(self, role: Role, found: Iterable[Grant]) -> None:
        """What a role grants from now on."""
        self._known.set_role(role, found)

    def set_policies(self, source: str, found: Iterable[Policy]) -> None:
        """The policies of a source, e.g. a binding, from now on."""
        self._known.set_policies(source, found)

    # What follows from it.

    def decide(self, request: Request) -> Decision:
        """The decision; each value of the subject's claim is asked alone, the first yes counts.

        So a denial for one group does not take away what another group is allowed.
        """
        subject = checked(request)
        path = request.hierarchy.path
        for value in subject.values:
            if not (subject.claim and value):
                raise BadRequestError("failed to format subject: claim and value cannot be empty")
            if self._allows(f"{subject.claim}:{value}", path, request):
                return Decision(allowed=True, reason=granted(value, request))
        return Decision(allowed=False, reason=NO_POLICY)

    def _allows(self, name: str, path: str, request: Request) -> bool:
        candidates = self._candidates(name, path, request.action)
        if not candidates:
            return False
        return self._engine.decide(candidates, name, path, request.action, request.attributes)

    def policies_for(self, subject: Subject, action: str, hierarchy: Hierarchy) -> list[Policy]:
        """The policies that a decision looks at, for all values of the subject's claim."""
        return [
            policy
            for value in subject.values
            for policy in self._candidates(f"{subject.claim}:{value}", hierarchy.path, action)
        ]

    def _candidates(self, name: str, path: str, action: str) -> list[Policy]:
        found = self._known.candidates(name, path, action)
        return decisive(found, [each for each in found if each.condition == UNCONDITIONAL])

    def covers(self, subject: Subject | None, action: str, hierarchy: Hierarchy) -> bool:
        """Whether the action is allowed there and everywhere below, whatever the attributes."""
        if subject is None:
            return False
        return any(
            self._covers(f"{subject.claim}:{value}", action, hierarchy.path)
            for value in subject.values
        )

    def _covers(self, name: str, action: str, path: str) -> bool:
        allowed = any(
            policy.effect == ALLOW and not conditions.concerning(policy.condition, action)
            for policy in self._known.candidates(name, path, action)
        )
        return allowed and not self._known.is_denied_around(name, path, action)

    def explain(self, request: Request) -> Explanation:
        """The decision and what led to it."""
        return explanations.explain(request, self.decide(request), self._known)

    def profile(self, subject: Subject, scope: Hierarchy) -> dict[str, Any]:
        """Action → where it is allowed and denied, within and around a scope."""
        names = [f"{subject.claim}:{value}" for value in subject.values]
        return profiles.capabilities(names, scope.path, self._known)

    def _grants(self, role: str, namespace: str, action: str) -> bool:
        return self._known.role_has(Role(role, namespace), action)


def checked(request: Request) -> Subject:
    """The subject of a request; BadRequestError when the request cannot be decided."""
    if request.subject is None:
        raise BadRequestError("invalid request: subject context is required")
    if not request.action:
        raise BadRequestError("invalid request: action is required")
    return request.subject


def granted(value: str, request: Request) -> str:
    """Why something is allowed, in the words that other programs know."""
    named = f" (id: {request.id})" if request.id else ""
    return (
        f"Access granted: entitlement value '{value}' authorized to perform '{request.action}' "
        f"on hierarchy '{request.hierarchy.path}'{named}"
    )


def _source(obj: Mapping[str, Any]) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace') or ''}/{metadata['name']}"


def _reaches(policy_path: str, path: str) -> bool:
    return policy_path in {ANYWHERE, path} or path.startswith(f"{policy_path}/")


def _holds(condition: str, effect: str, action: str, attributes: Mapping[str, str]) -> bool:
    return conditions.holds(condition, effect=effect, action=action, attributes=attributes)


assert {ALLOW, DENY} == {"allow", "deny"}, "the model of casbin names the effects"
