"""Why a request is allowed or denied, in words that help; pure."""

from __future__ import annotations

from collections.abc import Iterator

from choreo_local.authz import conditions
from choreo_local.authz.policies import DENY, Policy, Role, lineage
from choreo_local.authz.policyset import PolicySet
from choreo_local.authz.types import ANYWHERE, Decision, Explanation, Request

_MOST_DETAILS = 20


def place(path: str) -> str:
    """A path in words."""
    if path == ANYWHERE:
        return "the whole installation"
    parts = path.split("/")
    words = [
        f"{'namespace' if kind == 'ns' else kind} {name}"
        for kind, name in zip(parts[::2], parts[1::2], strict=True)
    ]
    return ", ".join(words)


def explain(request: Request, decision: Decision, known: PolicySet) -> Explanation:
    """What led to a decision."""
    path = request.hierarchy.path
    if decision.allowed:
        return Explanation(decision, request.action, path, decision.reason)
    details = list(dict.fromkeys(_details(request, path, known)))
    more = len(details) - _MOST_DETAILS
    shown = [*details[:_MOST_DETAILS], *([f"and {more} more"] if more > 0 else [])]
    return Explanation(
        decision,
        request.action,
        path,
        f"missing {request.action} on {path}: nothing allows {_who(request)} to do it in "
        f"{place(path)}",
        tuple(shown),
        f"Ask an administrator for a binding of a role with {request.action} that reaches {path}",
    )


def _who(request: Request) -> str:
    subject = request.subject
    if subject is None or not subject.values:
        return "a caller without entitlements"
    return " or ".join(f"{subject.claim}:{value}" for value in subject.values)


def _details(request: Request, path: str, known: PolicySet) -> Iterator[str]:
    subject = request.subject
    above = set(lineage(path))
    for value in subject.values if subject is not None else ():
        name = f"{subject.claim if subject is not None else ''}:{value}"
        for policy in known.of_subject(name):
            has = known.role_has(Role(policy.role, policy.role_namespace), request.action)
            if policy.path in above and has:
                yield from _condition_or_denial(policy, request)
            elif policy.effect == DENY:
                continue
            elif has:
                yield f"{_binding(policy)} allows it, but only in {place(policy.path)}"
            elif policy.path in above:
                yield f"{_binding(policy)} reaches there, but {_lack(policy, request, known)}"


def _condition_or_denial(policy: Policy, request: Request) -> Iterator[str]:
    counts = conditions.holds(
        policy.condition,
        effect=policy.effect,
        action=request.action,
        attributes=request.attributes,
    )
    if policy.effect == DENY:
        if counts:
            yield f"{_binding(policy)} denies it in {place(policy.path)}"
    elif not counts:
        needed = conditions.concerning(policy.condition, request.action)
        texts = " or ".join(conditions.expressions(needed))
        yield f"{_binding(policy)} allows it where {texts}, which is not so here"


def _lack(policy: Policy, request: Request, known: PolicySet) -> str:
    if not known.patterns(Role(policy.role, policy.role_namespace)):
        return f"its role {policy.role} does not exist"
    return f"its role {policy.role} does not hold {request.action}"


def _binding(policy: Policy) -> str:
    return f'binding "{policy.binding}" for {policy.subject}'
