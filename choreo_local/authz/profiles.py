"""What a subject can do in and around a place: action → paths, with conditions; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from choreo_local.authz import actions, conditions
from choreo_local.authz.policies import ALLOW, Policy, Role
from choreo_local.authz.policyset import PolicySet

# An entry: action, path, effect.
_Key = tuple[str, str, str]


def capabilities(subjects: Iterable[str], path: str, known: PolicySet) -> dict[str, Any]:
    """Action → `allowed` and `denied`, each a list of `path` and, if any, `constraints`.

    Patterns of roles are spelled out. One policy without condition says that there is none,
    whatever the others say.
    """
    found: dict[_Key, list[str] | None] = {}
    for policy in dict.fromkeys(each for name in subjects for each in known.around(name, path)):
        for action in _actions(policy, known):
            key = (action, policy.path, policy.effect)
            added = conditions.expressions(conditions.concerning(policy.condition, action))
            held = found.get(key, [])
            found[key] = [*held, *added] if added and held is not None else None
    return _grouped(found)


def _actions(policy: Policy, known: PolicySet) -> Iterator[str]:
    role = Role(policy.role, policy.role_namespace)
    yield from dict.fromkeys(
        action for pattern in known.patterns(role) for action in actions.expanded(pattern)
    )


def _grouped(found: dict[_Key, list[str] | None]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for (action, path, effect), expressions in sorted(found.items()):
        there = result.setdefault(action, {"allowed": [], "denied": []})
        entry: dict[str, Any] = {"path": path}
        if expressions:
            entry["constraints"] = {"expressions": expressions}
        there["allowed" if effect == ALLOW else "denied"].append(entry)
    return result
