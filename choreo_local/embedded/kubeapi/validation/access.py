"""Roles and the bindings that give them to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_GROUP = "rbac.authorization.k8s.io"


def validate_role(obj: Manifest) -> Problems:
    """The problems of a role."""
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{index}]", namespaced=True)


def validate_role_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed role."""
    yield from validate_role(new)


def validate_cluster_role(obj: Manifest) -> Problems:
    """The problems of a cluster role."""
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{index}]", namespaced=False)
    aggregation, path = obj.get("aggregationRule"), "aggregationRule.clusterRoleSelectors"
    if aggregation is None:
        return
    if not aggregation.get("clusterRoleSelectors"):
        yield fielderrors.required(
            path, "at least one clusterRoleSelector required if aggregationRule is non-nil"
        )
    for index, selector in enumerate(aggregation.get("clusterRoleSelectors") or ()):
        yield from checks.label_selector(f"{path}[{index}]", selector)
        if not checks.is_selector_valid(selector):
            yield fielderrors.invalid_value(f"{path}[{index}]", None, "invalid label selector.")


def validate_cluster_role_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed cluster role."""
    yield from validate_cluster_role(new)


def _rule(rule: Object, path: str, *, namespaced: bool) -> Problems:
    if not rule.get("verbs"):
        yield fielderrors.required(f"{path}.verbs", "verbs must contain at least one value")
    urls = rule.get("nonResourceURLs")
    if not urls:
        for field, noun in (("apiGroups", "api group"), ("resources", "resource")):
            if not rule.get(field):
                yield fielderrors.required(
                    f"{path}.{field}", f"resource rules must supply at least one {noun}"
                )
        return
    if namespaced:
        yield fielderrors.invalid_value(
            f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs"
        )
    if any(rule.get(field) for field in ("apiGroups", "resources", "resourceNames")):
        yield fielderrors.invalid_value(
            f"{path}.nonResourceURLs",
            urls,
            "rules cannot apply to both regular resources and non-resource URLs",
        )


def validate_binding(obj: Manifest) -> Problems:
    """The problems of a role binding."""
    yield from _binding(obj, namespaced=True)


def validate_cluster_binding(obj: Manifest) -> Problems:
    """The problems of a cluster role binding."""
    yield from _binding(obj, namespaced=False)


def validate_binding_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed role binding."""
    yield from validate_binding(new)
    yield from _same_role(new, old)


def validate_cluster_binding_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed cluster role binding."""
    yield from validate_cluster_binding(new)
    yield from _same_role(new, old)


def _same_role(new: Manifest, old: Manifest) -> Problems:
    if new.get("roleRef") != old.get("roleRef"):
        shown = printed.internal("rbac.RoleRef", new.get("roleRef"))
        yield fielderrors.invalid_value("roleRef", shown, "cannot change roleRef")


def _binding(obj: Manifest, *, namespaced: bool) -> Problems:
    role = obj.get("roleRef") or {}
    yield from checks.one_of("roleRef.apiGroup", role.get("apiGroup") or "", (_GROUP,))
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    yield from checks.one_of("roleRef.kind", role.get("kind") or "", kinds)
    yield from checks.reference_part("roleRef.name", role.get("name"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{index}]", namespaced=namespaced)


def _subject(subject: Object, path: str, *, namespaced: bool) -> Problems:
    kind, name = subject.get("kind") or "", subject.get("name") or ""
    group = subject.get("apiGroup") or ""
    if not name:
        yield fielderrors.required(f"{path}.name")
    if kind == "ServiceAccount":
        if name:
            yield from checks.fits(f"{path}.name", name, names.dns_subdomain)
        yield from checks.one_of(f"{path}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield fielderrors.required(f"{path}.namespace")
    elif kind in ("User", "Group"):
        yield from checks.one_of(f"{path}.apiGroup", group, (_GROUP,))
    else:
        yield from checks.one_of(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
