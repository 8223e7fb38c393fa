"""All policies and roles in force, indexed so that a request meets only those that may fit.

A request reaches at most four paths (everywhere, namespace, project, component); at each, a table
from pattern of actions to the policies whose role has it is made when it is first needed. So the
work of a decision does not grow with the number of bindings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from choreo_local.authz import actions
from choreo_local.authz.policies import ALLOW, DENY, Grant, Policy, Role, lineage

Place = tuple[str, str]
Table = dict[str, list[Policy]]


class PolicySet:
    """Policies by the object they come from, and roles; the enforcer's memory."""

    def __init__(self) -> None:
        self._roles: dict[Role, tuple[str, ...]] = {}
        self._sources: dict[str, tuple[Policy, ...]] = {}
        self._subjects: dict[str, dict[str, dict[Policy, int]]] = {}
        self._denials: dict[str, Counter[Policy]] = {}
        self._tables: dict[Place, Table] = {}

    def set_role(self, role: Role, grants: Iterable[Grant]) -> None:
        """What a role grants from now on; nothing where there are no grants."""
        found = tuple(grant.action for grant in grants)
        if found:
            self._roles[role] = found
        else:
            self._roles.pop(role, None)
        self._tables.clear()

    def set_policies(self, source: str, policies: Iterable[Policy]) -> None:
        """The policies of a binding from now on; `source` identifies the binding."""
        for policy in self._sources.pop(source, ()):
            self._remove(policy)
        found = tuple(policies)
        if found:
            self._sources[source] = found
        for policy in found:
            places = self._subjects.setdefault(policy.subject, {}).setdefault(policy.path, {})
            places[policy] = places.get(policy, 0) + 1
            if policy.effect == DENY:
                self._denials.setdefault(policy.subject, Counter())[policy] += 1
            self._tables.pop((policy.subject, policy.path), None)

    def _remove(self, policy: Policy) -> None:
        paths = self._subjects[policy.subject]
        there = paths[policy.path]
        there[policy] -= 1
        if not there[policy]:
            del there[policy]
        if not there:
            del paths[policy.path]
        if not paths:
            del self._subjects[policy.subject]
        if policy.effect == DENY:
            self._forget_denial(policy)
        self._tables.pop((policy.subject, policy.path), None)

    def _forget_denial(self, policy: Policy) -> None:
        denials = self._denials[policy.subject]
        denials[policy] -= 1
        if not denials[policy]:
            del denials[policy]
        if not denials:
            del self._denials[policy.subject]

    def role_has(self, role: Role, action: str) -> bool:
        """Whether a role allows or, bound with another effect, denies an action."""
        if action == actions.ANY:
            # Whoever asks for everything is answered by whatever there is, as upstream does.
            return True
        return any(actions.matches(pattern, action) for pattern in self._roles.get(role, ()))

    def patterns(self, role: Role) -> tuple[str, ...]:
        """The actions of a role as it names them."""
        return self._roles.get(role, ())

    def candidates(self, subject: str, path: str, action: str) -> list[Policy]:
        """The policies of a subject that reach a path and whose role has the action.

        Of policies that differ in their binding alone there is one.
        """
        paths = self._subjects.get(subject)
        if paths is None:
            return []
        if action.endswith(actions.ANY):
            return [policy for policy in self.reaching(subject, path) if self._has(policy, action)]
        found: list[Policy] = []
        patterns = actions.standing_for(action)
        for reached in lineage(path):
            if reached in paths:
                table = self._table(subject, reached)
                for pattern in patterns:
                    found += table.get(pattern, ())
        return found

    def reaching(self, subject: str, path: str) -> Iterator[Policy]:
        """The policies of a subject at a path and above it, whatever their role has."""
        paths = self._subjects.get(subject, {})
        for reached in lineage(path):
            yield from paths.get(reached, ())

    def around(self, subject: str, path: str) -> Iterator[Policy]:
        """The policies of a subject at a path, above it and below it."""
        above = set(lineage(path))
        for found, there in self._subjects.get(subject, {}).items():
            if found in above or is_below(found, path):
                yield from there

    def is_denied_around(self, subject: str, path: str, action: str) -> bool:
        """Whether anything denies an action at a path, above it or somewhere below it."""
        above = set(lineage(path))
        return any(
            (policy.path in above or is_below(policy.path, path)) and self._has(policy, action)
            for policy in self._denials.get(subject, ())
        )

    def of_subject(self, subject: str) -> Iterator[Policy]:
        """All policies of a subject."""
        for there in self._subjects.get(subject, {}).values():
            yield from there

    def _has(self, policy: Policy, action: str) -> bool:
        return self.role_has(Role(policy.role, policy.role_namespace), action)

    def _table(self, subject: str, path: str) -> Table:
        table = self._tables.get((subject, path))
        if table is None:
            table = self._tables[subject, path] = self._made(self._subjects[subject][path])
        return table

    def _made(self, policies: Iterable[Policy]) -> Table:
        found: dict[str, dict[tuple[str, str], Policy]] = {}
        for policy in policies:
            for pattern in self._roles.get(Role(policy.role, policy.role_namespace), ()):
                there = found.setdefault(pattern, {})
                there.setdefault((policy.effect, policy.condition), policy)
        return {pattern: list(there.values()) for pattern, there in found.items()}


def is_below(path: str, ancestor: str) -> bool:
    """Whether a path lies below another."""
    return ancestor == actions.ANY or path.startswith(f"{ancestor}/")


def decisive(candidates: Iterable[Policy], unconditional: Iterable[Policy]) -> list[Policy]:
    """Those of some policies that can still change the decision.

    A denial without condition settles it; beside a permission without condition, other
    permissions say nothing new.
    """
    plain = list(unconditional)
    denial = next((policy for policy in plain if policy.effect == DENY), None)
    if denial is not None:
        return [denial]
    permission = next((policy for policy in plain if policy.effect == ALLOW), None)
    if permission is None:
        return list(candidates)
    return [*(policy for policy in candidates if policy.effect == DENY), permission]
