"""The authorizer of the kube API: RBAC over the stored roles and bindings, kept indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.kubeapi import rbac
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.rbac import GROUP, Action, Rule
from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.embedded.storage.eventlog import Event
from choreo_local.embedded.storage.store import Store, key_of
from choreo_local.errors import ApiError, ForbiddenError

ROLES = f"roles.{GROUP}"
CLUSTER_ROLES = f"clusterroles.{GROUP}"
ROLE_BINDINGS = f"rolebindings.{GROUP}"
CLUSTER_ROLE_BINDINGS = f"clusterrolebindings.{GROUP}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed, and why (or what went wrong while looking)."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Grant:
    """One subject of one binding."""

    namespace: str
    binding: str
    role_kind: str
    role: str
    subject: str

    @property
    def reason(self) -> str:
        if self.namespace:
            binding = f'RoleBinding "{self.binding}/{self.namespace}"'
        else:
            binding = f'ClusterRoleBinding "{self.binding}"'
        return f'RBAC: allowed by {binding} of {self.role_kind} "{self.role}" to {self.subject}'


_Index = dict[tuple[str, str], list[_Grant]]


class Authorizer:
    """Answers whether users may do things.

    Args:
        store: where roles and bindings are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cluster: _Index | None = None
        self._namespaced: dict[str, _Index] = {}
        store.log(CLUSTER_ROLE_BINDINGS).follow(self._forget_cluster)
        store.log(ROLE_BINDINGS).follow(self._forget_namespaced)

    def _forget_cluster(self, _: Event) -> None:
        self._cluster = None

    def _forget_namespaced(self, event: Event) -> None:
        self._namespaced.pop(event.current.namespace, None)

    def decide(self, user: User, action: Action) -> Decision:
        """Whether a user may do something."""
        if rbac.MASTERS in user.groups:
            return Decision(allowed=True)
        missing = []
        for grant in self._grants(user, action.namespace):
            rules = self._rules(grant)
            if rules is None:
                missing.append(_missing(grant))
            elif any(rbac.allows(rule, action) for rule in rules):
                return Decision(allowed=True, reason=grant.reason)
        reason = ", ".join(dict.fromkeys(missing))
        if len(missing) > 1:
            reason = f"[{reason}]"
        return Decision(allowed=False, reason=f"RBAC: {reason}" if reason else "")

    def rules_of(self, user: User, namespace: str) -> list[Rule]:
        """All rules that a user has in a namespace (or in the whole cluster)."""
        if rbac.MASTERS in user.groups:
            everything = ["*"]
            return [
                {"apiGroups": everything, "resources": everything, "verbs": everything},
                {"nonResourceURLs": everything, "verbs": everything},
            ]
        found: list[Rule] = []
        for grant in self._grants(user, namespace):
            found += self._rules(grant) or ()
        return found

    def role_rules(self, kind: str, namespace: str, name: str) -> list[Rule] | None:
        """The rules of a Role or ClusterRole; None when there is none."""
        if kind == "Role":
            stored = self._store.get(ROLES, key_of(namespace, name))
        else:
            stored = self._store.get(CLUSTER_ROLES, name)
        return None if stored is None else stored.object.get("rules") or []

    def _rules(self, grant: _Grant) -> list[Rule] | None:
        return self.role_rules(grant.role_kind, grant.namespace, grant.role)

    def _grants(self, user: User, namespace: str) -> Iterator[_Grant]:
        if self._cluster is None:
            self._cluster = self._build(CLUSTER_ROLE_BINDINGS, "")
        indexes = [self._cluster]
        if namespace:
            if namespace not in self._namespaced:
                self._namespaced[namespace] = self._build(ROLE_BINDINGS, namespace)
            indexes.append(self._namespaced[namespace])
        keys = rbac.subject_keys(user)
        for index in indexes:
            for key in keys:
                yield from index.get(key, ())

    def _build(self, resource: str, namespace: str) -> _Index:
        index: _Index = {}
        for stored in self._store.select(resource, namespace or None):
            binding: Mapping[str, Any] = stored.object
            role = binding.get("roleRef") or {}
            for subject in binding.get("subjects") or ():
                grant = _Grant(
                    namespace,
                    stored.name,
                    str(role.get("kind", "")),
                    str(role.get("name", "")),
                    rbac.describe_subject(subject, namespace),
                )
                index.setdefault(rbac.key_of_subject(subject, namespace), []).append(grant)
        return index

    def check(self, user: User, info: RequestInfo) -> None:
        """Refuse a request that its caller may not make."""
        if rbac.MASTERS in user.groups:
            return
        action = action_of(info)
        decision = self.decide(user, action)
        if not decision.allowed:
            raise refusal(user, action, decision)


def _missing(grant: _Grant) -> str:
    kind = "role" if grant.role_kind == "Role" else "clusterrole"
    return f'{kind}.{GROUP} "{grant.role}" not found'


def action_of(info: RequestInfo) -> Action:
    """What a request is about, for the authorizer."""
    if not info.is_resource:
        return Action(verb=info.verb, path=info.path)
    return Action(
        verb=info.verb,
        group=info.group,
        resource=info.resource,
        subresource=info.subresource,
        namespace=info.namespace,
        name=info.name or info.selected,
    )


def refusal(user: User, action: Action, decision: Decision) -> ApiError:
    """The 403 of a request that is not allowed."""
    suffix = f": {decision.reason}" if decision.reason else ""
    if action.path:
        text = f'forbidden: User "{user.name}" cannot {action.verb} path "{action.path}"{suffix}'
        return ForbiddenError(text, details={"name": ""})
    group_resource = f"{action.resource}.{action.group}" if action.group else action.resource
    quoted = f' "{action.name}"' if action.name else ""
    where = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
    text = (
        f'{group_resource}{quoted} is forbidden: User "{user.name}" cannot {action.verb} resource'
        f' "{action.combined}" in API group "{action.group}" {where}{suffix}'
    )
    details = {"name": action.name, "group": action.group, "kind": action.resource}
    return ForbiddenError(text, details=details)
