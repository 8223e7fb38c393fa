"""Nobody gives away more than he has: escalation checks of roles and bindings."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.embedded.kubeapi import problems, rbac
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.rbac import Action, Rule

_ROLES = frozenset({"roles", "clusterroles"})
_BINDINGS = frozenset({"rolebindings", "clusterrolebindings"})


class RoleEscalation:
    """Compares what a role gives with what its writer has.

    Args:
        authorizer: knows what the writer has.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def mutate(self, attributes: Attributes) -> None:
        """Nothing to add."""

    def validate(self, attributes: Attributes) -> None:
        """Refuse a role or binding that gives more than its writer has."""
        kind = attributes.call.collection.kind
        if kind.group != rbac.GROUP or attributes.new is None:
            return
        if rbac.MASTERS in attributes.call.user.groups:
            return
        if kind.plural in _ROLES:
            self._check_role(attributes, attributes.new)
        elif kind.plural in _BINDINGS:
            self._check_binding(attributes, attributes.new)

    def _check_role(self, attributes: Attributes, role: Manifest) -> None:
        old = attributes.old or {}
        same = role.get("rules") == old.get("rules")
        if attributes.old is not None and same:
            return
        if self._may(attributes, "escalate", attributes.call.collection.kind.plural, ""):
            return
        wanted = list(role.get("rules") or ())
        if role.get("aggregationRule") and role["aggregationRule"] != old.get("aggregationRule"):
            everything = ["*"]
            wanted = [
                {"apiGroups": everything, "resources": everything, "verbs": everything},
                {"nonResourceURLs": everything, "verbs": everything},
            ]
        self._require(attributes, wanted)

    def _check_binding(self, attributes: Attributes, binding: Manifest) -> None:
        reference = binding.get("roleRef") or {}
        old = attributes.old or {}
        if attributes.old is not None and all(
            binding.get(field) == old.get(field) for field in ("roleRef", "subjects")
        ):
            return
        kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
        plural = "roles" if kind == "Role" else "clusterroles"
        if self._may(attributes, "bind", plural, name):
            return
        rules = self._authorizer.role_rules(kind, attributes.namespace, name)
        if rules is None:
            raise problems.not_found(attributes.call.collection.kind, name)
        self._require(attributes, rules)

    def _may(self, attributes: Attributes, verb: str, plural: str, name: str) -> bool:
        action = Action(
            verb,
            rbac.GROUP,
            plural,
            namespace=attributes.namespace,
            name=name or attributes.name,
        )
        return self._authorizer.decide(attributes.call.user, action).allowed

    def _require(self, attributes: Attributes, wanted: Sequence[Rule]) -> None:
        user = attributes.call.user
        owned = self._authorizer.rules_of(user, attributes.namespace)
        missing = rbac.uncovered(owned, wanted)
        if not missing:
            return
        groups = " ".join(f'"{group}"' for group in user.groups)
        lines = "\n".join(sorted(rbac.print_rule(rule) for rule in rbac.compact(missing)))
        why = (
            f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not'
            f" currently held:\n{lines}"
        )
        raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)
