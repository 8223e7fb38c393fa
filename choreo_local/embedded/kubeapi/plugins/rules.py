"""Which requests a policy or webhook is about: rules and selectors. Pure.

Validating policies and both kinds of webhooks share these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import selectors
from choreo_local.embedded.kubeapi.core import Attributes
from choreo_local.embedded.storage.store import Store

_EXEMPT = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)
_GROUP = "admissionregistration.k8s.io"


def is_exempt(attributes: Attributes) -> bool:
    """What configures admission is not itself subject to it, or a mistake could not be mended."""
    kind = attributes.call.collection.kind
    return kind.group == _GROUP and kind.plural in _EXEMPT


def selects(constraints: Mapping[str, Any], attributes: Attributes, store: Store) -> bool:
    """Whether `matchConstraints`, `matchResources` or a webhook is about a request."""
    rules = constraints.get("resourceRules") or constraints.get("rules")
    if rules is not None and not any(_covers(rule, attributes) for rule in rules):
        return False
    excluded = constraints.get("excludeResourceRules") or ()
    if any(_covers(rule, attributes) for rule in excluded):
        return False
    return _selects_namespace(constraints, attributes, store) and _selects_object(
        constraints, attributes
    )


def _covers(rule: Mapping[str, Any], attributes: Attributes) -> bool:
    call, kind = attributes.call, attributes.call.collection.kind
    if not _one_of(rule.get("operations"), attributes.operation):
        return False
    # Versions are views of one object: a rule for another version covers it as well.
    if not _one_of(rule.get("apiGroups"), kind.group):
        return False
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != kind.namespaced:
        return False
    names = rule.get("resourceNames")
    if names and attributes.name not in names:
        return False
    return _covers_resource(rule.get("resources") or (), kind.plural, call.subresource)


def _one_of(wanted: Sequence[str] | None, value: str) -> bool:
    return bool(wanted) and ("*" in (wanted or ()) or value in (wanted or ()))


def _covers_resource(resources: Sequence[str], plural: str, subresource: str) -> bool:
    for resource in resources:
        wanted, slash, sub = resource.partition("/")
        if wanted not in ("*", plural):
            continue
        if slash and sub in ("*", subresource) and (subresource or sub == "*"):
            return True
        if not slash and not subresource:
            return True
    return False


def _selects_namespace(
    constraints: Mapping[str, Any], attributes: Attributes, store: Store
) -> bool:
    selector = constraints.get("namespaceSelector")
    if not selector:
        return True
    kind = attributes.call.collection.kind
    if kind.group_resource == "namespaces":
        obj = attributes.new or attributes.old or {}
        labels = (obj.get("metadata") or {}).get("labels")
    elif kind.namespaced:
        stored = store.get("namespaces", attributes.namespace)
        labels = None if stored is None else stored.labels
    else:
        return True
    return selectors.from_dict(selector).matches(labels)


def _selects_object(constraints: Mapping[str, Any], attributes: Attributes) -> bool:
    selector = constraints.get("objectSelector")
    if not selector:
        return True
    compiled = selectors.from_dict(selector)
    return any(
        compiled.matches((obj.get("metadata") or {}).get("labels"))
        for obj in (attributes.new, attributes.old)
        if obj is not None
    )


def describe(attributes: Attributes) -> dict[str, Any]:
    """The request as expressions and webhooks see it, without the objects."""
    call, kind = attributes.call, attributes.call.collection.kind
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    gvr = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    described: dict[str, Any] = {
        "kind": gvk,
        "resource": gvr,
        "subResource": call.subresource,
        "requestKind": gvk,
        "requestResource": gvr,
        "requestSubResource": call.subresource,
        "name": attributes.name,
        "namespace": attributes.namespace,
        "operation": attributes.operation,
        "userInfo": {
            "username": call.user.name,
            "uid": call.user.uid,
            "groups": list(call.user.groups),
            "extra": {key: list(values) for key, values in call.user.extra.items()},
        },
        "dryRun": attributes.dry_run,
        "options": dict(attributes.options),
    }
    return described
