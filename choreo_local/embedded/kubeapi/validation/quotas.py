"""Resource quotas: how much all objects of a namespace may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import metadata, resources
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_SCOPES = frozenset(
    {
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    }
)
_ONLY_EXISTS = _SCOPES - {"PriorityClass", "VolumeAttributesClass"}
_CONFLICTS = (("BestEffort", "NotBestEffort"), ("NotTerminating", "Terminating"))
_PODS = frozenset({"pods"})
_COMPUTE = frozenset(
    {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
)
_CLAIMS = frozenset({"persistentvolumeclaims", "requests.storage"})


def validate(obj: Manifest) -> Problems:
    """The problems of a new quota."""
    yield from _spec(obj["spec"])
    yield from validate_status(obj, obj)


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed quota."""
    yield from _spec(new["spec"])
    after, before = new["spec"].get("scopes") or [], old["spec"].get("scopes") or []
    if set(after) != set(before):
        yield metadata.immutable("spec.scopes", new["spec"].get("scopes"))


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    status = new.get("status") or {}
    for field in ("hard", "used"):
        yield from _amounts(f"status.{field}", status.get(field) or {})


def _amounts(path: str, found: Mapping[str, str]) -> Problems:
    for name, text in found.items():
        here = f"{path}[{name}]"
        yield from resources.resource_name(here, name)
        if "/" not in name and not _is_counted(name):
            yield fielderrors.invalid_value(here, name, "must be a standard resource for quota")
        yield from resources.amount(here, name, text)


def _is_counted(name: str) -> bool:
    if name.startswith((resources.HUGE_PAGES, f"requests.{resources.HUGE_PAGES}")):
        return True
    return name in resources.STANDARD and name != "storage"


def _spec(spec: Object) -> Problems:
    yield from _amounts("spec.hard", spec.get("hard") or {})
    yield from _scopes(spec)
    selector = spec.get("scopeSelector")
    if selector is not None:
        yield from _selector(spec, selector)


def _fits(scope: str, name: str) -> bool:
    if scope == "BestEffort":
        return name in _PODS
    if scope == "VolumeAttributesClass":
        return name in _CLAIMS
    return scope not in _SCOPES or name in _PODS | _COMPUTE


def _scopes(spec: Object) -> Problems:
    scopes: Sequence[str] = spec.get("scopes") or ()
    path, hard = "spec.scopes", sorted(spec.get("hard") or {})
    for scope in scopes:
        if scope not in _SCOPES:
            yield fielderrors.invalid_value(path, scopes, "unsupported scope")
        for name in hard:
            if _is_counted(name) and not _fits(scope, name):
                yield fielderrors.invalid_value(
                    path, scopes, "unsupported scope applied to resource"
                )
    yield from _conflicts(path, scopes, scopes)


def _conflicts(path: str, named: Sequence[str], shown: Any) -> Problems:
    for pair in _CONFLICTS:
        if set(pair) <= set(named):
            yield fielderrors.invalid_value(path, shown, "conflicting scopes")


def _selector(spec: Object, selector: Object) -> Problems:
    path, hard = "spec.scopeSelector.matchExpressions", sorted(spec.get("hard") or {})
    found: Sequence[Object] = selector.get("matchExpressions") or ()
    for requirement in found:
        scope = requirement.get("scopeName") or ""
        if scope not in _SCOPES:
            yield fielderrors.invalid_value(f"{path}.scopeName", scope, "unsupported scope")
        for name in hard:
            if _is_counted(name) and not _fits(scope, name):
                yield fielderrors.invalid_value(
                    path, selector, "unsupported scope applied to resource"
                )
        yield from _requirement(path, requirement, scope)
    named = [requirement.get("scopeName") or "" for requirement in found]
    yield from _conflicts(path, named, spec.get("scopes"))


def _requirement(path: str, requirement: Object, scope: str) -> Problems:
    operator, values = requirement.get("operator") or "", requirement.get("values")
    if scope in _ONLY_EXISTS and operator != "Exists":
        yield fielderrors.invalid_value(
            f"{path}.operator",
            operator,
            "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
            "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
            "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        )
    if operator in ("In", "NotIn"):
        if not values:
            yield fielderrors.required(
                f"{path}.values",
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            )
    elif operator not in ("Exists", "DoesNotExist"):
        yield fielderrors.invalid_value(
            f"{path}.operator", operator, "not a valid selector operator"
        )
    elif values:
        yield fielderrors.invalid_value(
            f"{path}.values",
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        )
