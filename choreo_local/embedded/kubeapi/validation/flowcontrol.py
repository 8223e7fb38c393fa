"""Flow schemas and priority levels. Nothing is throttled here; what makes no sense is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_EXEMPT = "exempt"
_MAX_PRECEDENCE = 10000
_MAX_QUEUES = 10_000_000
# Hands are dealt by the bits of a hash.
_MAX_BITS = 60
_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
)
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


def validate_schema(obj: Manifest) -> Problems:
    """The problems of a flow schema."""
    spec = obj["spec"]
    yield from _precedence(obj["metadata"].get("name") or "", spec.get("matchingPrecedence") or 0)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in ("ByNamespace", "ByUser"):
        yield fielderrors.not_supported(
            "spec.distinguisherMethod.type",
            {"Type": method.get("type") or ""},
            ("ByNamespace", "ByUser"),
        )
    path, level = (
        "spec.priorityLevelConfiguration.name",
        (spec.get("priorityLevelConfiguration") or {}).get("name"),
    )
    if level:
        yield from checks.fits(path, level, names.dns_subdomain)
    else:
        yield fielderrors.required(path, "must reference a priority level")
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(f"spec.rules[{index}]", rule)


def _precedence(name: str, value: int) -> Problems:
    path = "spec.matchingPrecedence"
    if value <= 0:
        yield fielderrors.invalid_value(path, value, "must be a positive value")
    if value > _MAX_PRECEDENCE:
        yield fielderrors.invalid_value(path, value, f"must not be greater than {_MAX_PRECEDENCE}")
    if value == 1 and name != _EXEMPT:
        yield fielderrors.invalid_value(
            path, value, "only the schema named 'exempt' may have matchingPrecedence 1"
        )


def validate_schema_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed flow schema."""
    yield from validate_schema(new)


def _rule(path: str, rule: Object) -> Problems:
    if not rule.get("subjects"):
        yield fielderrors.required(f"{path}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(rule.get("subjects") or ()):
        yield from _subject(f"{path}.subjects[{index}]", subject)
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield fielderrors.required(
            path, "at least one of resourceRules and nonResourceRules has to be non-empty"
        )
    for index, found in enumerate(rule.get("resourceRules") or ()):
        yield from _resource_rule(f"{path}.resourceRules[{index}]", found)
    for index, found in enumerate(rule.get("nonResourceRules") or ()):
        here, urls = f"{path}.nonResourceRules[{index}]", found.get("nonResourceURLs") or ()
        yield from _verbs(f"{here}.verbs", found.get("verbs") or ())
        yield from _listed(
            f"{here}.nonResourceURLs",
            urls,
            "nonResourceURLs must contain at least one value",
            "non-resource URLs",
        )
        for number, url in enumerate(urls if "*" not in urls else ()):
            yield from _url(f"{here}.nonResourceURLs[{number}]", url)


def _url(path: str, url: str) -> Problems:
    trouble = ""
    if not url:
        trouble = "must not be empty"
    elif not url.startswith("/"):
        trouble = "must start with slash"
    elif " " in url:
        trouble = "must not contain white-space"
    elif "//" in url:
        trouble = "must not contain double slash"
    elif "*" in url.removesuffix("/*") or url.count("*") > 1:
        trouble = "wildcard can only do suffix matching"
    if trouble:
        yield fielderrors.invalid_value(path, url, trouble)


def _subject(path: str, subject: Object) -> Problems:
    kind = subject.get("kind") or ""
    yield from checks.one_of(f"{path}.kind", kind, tuple(_SUBJECTS))
    for other, field in _SUBJECTS.items() if kind in _SUBJECTS else ():
        found = subject.get(field)
        if other != kind:
            if found is not None:
                yield fielderrors.forbidden(
                    f"{path}.{field}", f"{field} is forbidden when subject kind is not '{other}'"
                )
        elif found is None:
            yield fielderrors.required(
                f"{path}.{field}", f"{field} is required when subject kind is '{kind}'"
            )
        else:
            yield from _named(f"{path}.{field}", kind, found)


def _named(path: str, kind: str, found: Object) -> Problems:
    name, namespace = found.get("name") or "", found.get("namespace") or ""
    if not name:
        yield fielderrors.required(f"{path}.name")
    if kind != "ServiceAccount":
        return
    if name and name != "*":
        yield from checks.fits(f"{path}.name", name, names.dns_subdomain)
    if namespace:
        yield from checks.fits(f"{path}.namespace", namespace, names.dns_label)
    else:
        yield fielderrors.required(
            f"{path}.namespace", "must specify namespace for service account"
        )


def _resource_rule(path: str, rule: Object) -> Problems:
    yield from _verbs(f"{path}.verbs", rule.get("verbs") or ())
    for field, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        yield from _listed(
            f"{path}.{field}",
            rule.get(field) or (),
            f"resource rules must supply at least one {one}",
            many,
        )
    if not rule.get("namespaces") and not rule.get("clusterScope"):
        yield fielderrors.required(
            f"{path}.namespaces",
            "resource rules that are not cluster scoped must supply at least one namespace",
        )
    namespaces = rule.get("namespaces") or ()
    if "*" in namespaces and len(namespaces) > 1:
        yield fielderrors.invalid_value(
            f"{path}.namespaces",
            namespaces,
            "if '*' is present, must not specify other namespaces",
        )
    for index, namespace in enumerate(namespaces if "*" not in namespaces else ()):
        for text in names.dns_label(namespace):
            yield fielderrors.invalid_value(
                f"{path}.namespaces[{index}]",
                namespace,
                f"each member of this list must be '*' or a DNS-1123 label; {text}",
            )


def _verbs(path: str, verbs: Sequence[str]) -> Problems:
    yield from _listed(path, verbs, "verbs must contain at least one value", "verbs")
    if "*" not in verbs and not set(verbs) <= set(_VERBS):
        yield fielderrors.not_supported(path, list(verbs), _VERBS)


def _listed(path: str, values: Sequence[str], empty: str, noun: str) -> Problems:
    if not values:
        yield fielderrors.required(path, empty)
    elif len(values) > 1 and "*" in values:
        yield fielderrors.invalid_value(
            path, values, f"if '*' is present, must not specify other {noun}"
        )


def validate_level(obj: Manifest) -> Problems:
    """The problems of a priority level."""
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    type_ = spec.get("type") or ""
    if (name == _EXEMPT) != (type_ == "Exempt"):
        yield fielderrors.invalid_value(
            "spec.type", type_, "must be 'Exempt' if and only if `name` is 'exempt'"
        )
    yield from checks.required_one_of("spec.type", type_, ("Exempt", "Limited"))
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if type_ == "Exempt" and limited is not None:
        yield fielderrors.forbidden("spec.limited", "must be nil if the type is not Limited")
    if type_ == "Limited" and exempt is not None:
        yield fielderrors.forbidden("spec.exempt", "must be nil if the type is Limited")
    if type_ == "Limited" and limited is None:
        yield fielderrors.required("spec.limited", "must not be empty when type is Limited")
    for field, found in (("limited", limited), ("exempt", exempt)):
        if found is not None:
            yield from _shares(f"spec.{field}", found)
    if type_ == "Limited" and limited is not None:
        yield from _response("spec.limited.limitResponse", limited.get("limitResponse") or {})


def validate_level_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed priority level."""
    yield from validate_level(new)


def _shares(path: str, found: Object) -> Problems:
    shares, lent = found.get("nominalConcurrencyShares") or 0, found.get("lendablePercent")
    borrowed = found.get("borrowingLimitPercent")
    if shares < 0:
        yield fielderrors.invalid_value(
            f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer"
        )
    if lent is not None:
        yield from checks.in_range(f"{path}.lendablePercent", lent, 0, 100)
    if borrowed is not None and borrowed < 0:
        yield fielderrors.invalid_value(
            f"{path}.borrowingLimitPercent",
            borrowed,
            "if specified, must be a non-negative integer",
        )


def _response(path: str, found: Object) -> Problems:
    type_, queuing = found.get("type") or "", found.get("queuing")
    yield from checks.required_one_of(f"{path}.type", type_, ("Queue", "Reject"))
    if type_ == "Reject" and queuing is not None:
        yield fielderrors.forbidden(
            f"{path}.queuing", "must be nil if limited.limitResponse.type is not Limited"
        )
    if type_ == "Queue" and queuing is None:
        yield fielderrors.required(
            f"{path}.queuing", "must not be empty if limited.limitResponse.type is Limited"
        )
    elif type_ == "Queue":
        yield from _queues(f"{path}.queuing", queuing or {})


def _queues(path: str, found: Object) -> Problems:
    for field in ("queueLengthLimit", "queues", "handSize"):
        if (found.get(field) or 0) <= 0:
            yield fielderrors.invalid_value(
                f"{path}.{field}", found.get(field) or 0, "must be positive"
            )
    queues, hand = found.get("queues") or 0, found.get("handSize") or 0
    if queues > _MAX_QUEUES:
        yield fielderrors.invalid_value(
            f"{path}.queues", queues, f"must not be greater than {_MAX_QUEUES}"
        )
    if hand > queues:
        yield fielderrors.invalid_value(
            f"{path}.handSize", hand, f"should not be greater than queues ({queues})"
        )
    bits = math.ceil(math.log2(queues) * hand) if queues > 0 else 0
    if 0 < hand <= queues and bits > _MAX_BITS:
        yield fielderrors.invalid_value(
            f"{path}.handSize",
            hand,
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be "
            f"greater than {_MAX_BITS}",
        )
