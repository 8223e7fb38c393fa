"""Role-based access control: may this user do this? Also what escalation checks compare. Pure.

`authz` keeps the roles and bindings at hand and asks here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi.messages import User

Rule = Mapping[str, Any]

GROUP = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done.

    Attributes:
        verb: as in RequestInfo.
        path: of a request that is for no resource; empty otherwise.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def combined(self) -> str:
        """Resource and subresource as rules name them."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def allows(rule: Rule, action: Action) -> bool:
    """Whether one rule covers an action."""
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and action.verb not in verbs:
        return False
    if action.path:
        return _covers_path(rule.get("nonResourceURLs") or (), action.path)
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and action.group not in groups:
        return False
    if not _covers_resource(rule.get("resources") or (), action):
        return False
    names = rule.get("resourceNames")
    return not names or action.name in names


def _covers_path(patterns: Sequence[str], path: str) -> bool:
    for pattern in patterns:
        if pattern in ("*", path):
            return True
        if pattern.endswith("*") and path.startswith(pattern.rstrip("*")):
            return True
    return False


def _covers_resource(resources: Sequence[str], action: Action) -> bool:
    if "*" in resources or action.combined in resources:
        return True
    return bool(action.subresource) and f"*/{action.subresource}" in resources


def subject_keys(user: User) -> list[tuple[str, str]]:
    """The subjects that a user is, as keys of an index of bindings."""
    keys = [("User", user.name)]
    keys += [("Group", group) for group in user.groups]
    if user.name.startswith(SERVICE_ACCOUNT):
        namespace, _, name = user.name.removeprefix(SERVICE_ACCOUNT).partition(":")
        keys.append(("ServiceAccount", f"{namespace}/{name}"))
    return keys


def key_of_subject(subject: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    """The key of a subject of a binding in a namespace."""
    kind, name = str(subject.get("kind", "")), str(subject.get("name", ""))
    if kind == "ServiceAccount":
        return kind, f"{subject.get('namespace') or namespace}/{name}"
    return kind, name


def describe_subject(subject: Mapping[str, Any], namespace: str) -> str:
    """A subject as reasons name it."""
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind == "ServiceAccount":
        return f'{kind} "{name}/{subject.get("namespace") or namespace}"'
    return f'{kind} "{name}"'


def uncovered(owned: Sequence[Rule], wanted: Sequence[Rule]) -> list[dict[str, Any]]:
    """The parts of rules that somebody with other rules does not have himself."""
    parts = [part for rule in wanted for part in break_down(rule)]
    return [part for part in parts if not any(_covers(rule, part) for rule in owned)]


def break_down(rule: Rule) -> list[dict[str, Any]]:
    """A rule as rules with one group, one resource, one verb and one name each."""
    verbs = rule.get("verbs") or ()
    parts: list[dict[str, Any]] = []
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                base = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames") or ()
                parts += [{**base, "resourceNames": [name]} for name in names] or [base]
    for url in rule.get("nonResourceURLs") or ():
        parts += [{"nonResourceURLs": [url], "verbs": [verb]} for verb in verbs]
    return parts


def _covers(rule: Rule, part: Rule) -> bool:
    if not _has_all(rule.get("verbs"), part.get("verbs")):
        return False
    urls = part.get("nonResourceURLs") or ()
    if urls:
        return all(_covers_path(rule.get("nonResourceURLs") or (), url) for url in urls)
    if not _has_all(rule.get("apiGroups"), part.get("apiGroups")):
        return False
    if not all(_has_resource(rule, name) for name in part.get("resources") or ()):
        return False
    names = rule.get("resourceNames")
    wanted = part.get("resourceNames")
    return not names or (bool(wanted) and set(wanted or ()) <= set(names))


def _has_all(owned: Iterable[str] | None, wanted: Iterable[str] | None) -> bool:
    have = set(owned or ())
    return "*" in have or set(wanted or ()) <= have


def _has_resource(rule: Rule, name: str) -> bool:
    have = rule.get("resources") or ()
    if "*" in have or name in have:
        return True
    _, slash, subresource = name.partition("/")
    return bool(slash) and f"*/{subresource}" in have


def compact(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Rules as a refusal lists them: one a group and resource, with all its verbs."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rule in rules:
        key = tuple(
            tuple(rule.get(field) or ())
            for field in ("apiGroups", "resources", "resourceNames", "nonResourceURLs")
        )
        found = merged.setdefault(key, {**rule, "verbs": []})
        found["verbs"] += [verb for verb in rule.get("verbs") or () if verb not in found["verbs"]]
    return list(merged.values())


def print_rule(rule: Rule) -> str:
    """A rule as a refusal prints it."""
    parts = []
    for field, title in (
        ("apiGroups", "APIGroups"),
        ("resources", "Resources"),
        ("nonResourceURLs", "NonResourceURLs"),
        ("resourceNames", "ResourceNames"),
        ("verbs", "Verbs"),
    ):
        values = rule.get(field) or ()
        if values:
            quoted = " ".join(f'"{value}"' for value in values)
            parts.append(f"{title}:[{quoted}]")
    return "{" + ", ".join(parts) + "}"


def role_kind(plural: str) -> ResourceKind:
    """The kind of `roles` or `clusterroles`."""
    kind = "Role" if plural == "roles" else "ClusterRole"
    return ResourceKind(GROUP, "v1", kind, plural, namespaced=plural == "roles")
