"""Roles and bindings → policies, as upstream's engine has them; pure.

A binding gives one policy for each role mapping, a role one grant for each action. The tuples are
those of upstream, so that they can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from choreo_local.authz.types import ANYWHERE, Hierarchy

Manifest = Mapping[str, Any]

ANY_NAMESPACE = "*"
ALLOW, DENY = "allow", "deny"
UNCONDITIONAL = "{}"


class Role(NamedTuple):
    """What a role is known by; `namespace` is `*` for a ClusterAuthzRole."""

    name: str
    namespace: str


class Grant(NamedTuple):
    """An action, or a pattern of actions, of a role."""

    role: str
    action: str
    role_namespace: str


class Policy(NamedTuple):
    """What a role mapping of a binding comes to.

    Attributes:
        subject: `claim:value`.
        path: where it counts.
        effect: `allow` or `deny`.
        condition: JSON of its conditions, `{}` without.
        binding: name of the binding.
    """

    subject: str
    path: str
    role: str
    role_namespace: str
    effect: str
    condition: str
    binding: str


def is_role(obj: Manifest) -> bool:
    """Whether an object of the Authz kinds is a role; otherwise it is a binding."""
    return obj["kind"] in {"AuthzRole", "ClusterAuthzRole"}


def role_of(obj: Manifest) -> Role:
    """What a role object is known by."""
    return Role(obj["metadata"]["name"], _namespace_of(obj) or ANY_NAMESPACE)


def grants(obj: Manifest) -> list[Grant]:
    """The grants of an AuthzRole or ClusterAuthzRole, each once."""
    role = role_of(obj)
    actions = dict.fromkeys(_texts(_section(obj).get("actions")))
    return [Grant(role.name, action, role.namespace) for action in actions]


def policies(obj: Manifest) -> list[Policy]:
    """The policies of an AuthzRoleBinding or ClusterAuthzRoleBinding.

    A binding without effect has none: nothing may be guessed from an object that was never
    defaulted.
    """
    spec, namespace = _section(obj), _namespace_of(obj)
    entitlement = _mapping(spec.get("entitlement"))
    subject = f"{entitlement.get('claim', '')}:{entitlement.get('value', '')}"
    effect = spec.get("effect")
    if effect not in {ALLOW, DENY}:
        return []
    return [
        Policy(
            subject,
            _path(namespace, _mapping(mapping.get("scope"))),
            str(reference.get("name", "")),
            ANY_NAMESPACE if reference.get("kind") == "ClusterAuthzRole" else namespace,
            effect,
            _conditions(mapping.get("conditions")),
            obj["metadata"]["name"],
        )
        for mapping in _entries(spec.get("roleMappings"))
        for reference in [_mapping(mapping.get("roleRef"))]
    ]


def lineage(path: str) -> tuple[str, ...]:
    """The paths of policies that reach a path: everywhere, its ancestors, itself."""
    if path == ANYWHERE:
        return (ANYWHERE,)
    parts = path.split("/")
    return (ANYWHERE, *("/".join(parts[:end]) for end in range(2, len(parts) + 1, 2)))


def _namespace_of(obj: Manifest) -> str:
    return str(obj["metadata"].get("namespace") or "")


def _path(namespace: str, scope: Manifest) -> str:
    return Hierarchy(
        namespace=namespace or str(scope.get("namespace") or ""),
        project=str(scope.get("project") or ""),
        component=str(scope.get("component") or ""),
        resource=str(scope.get("resource") or ""),
    ).path


def _conditions(given: Any) -> str:
    entries = [
        {
            "actions": _texts(entry.get("actions")),
            "expression": str(entry.get("expression") or ""),
        }
        for entry in _entries(given)
    ]
    if not entries:
        return UNCONDITIONAL
    return json.dumps(entries, separators=(",", ":"), ensure_ascii=False)


def _section(obj: Manifest) -> Manifest:
    return _mapping(obj.get("spec"))


def _mapping(value: Any) -> Manifest:
    return value if isinstance(value, Mapping) else {}


def _entries(value: Any) -> Iterator[Manifest]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def _texts(value: Any) -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [entry for entry in value if isinstance(entry, str)]
    return []
