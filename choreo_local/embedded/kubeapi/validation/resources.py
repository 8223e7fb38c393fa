"""Amounts that containers ask for and are limited to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import quantity
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

NOT_INTEGER = "must be an integer"
HUGE_PAGES = "hugepages-"

_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
STANDARD = _CONTAINER | {
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
}
_INTEGER = frozenset(
    {
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_POD_LEVEL = ("cpu", "memory")
_NATIVE_DOMAIN = "kubernetes.io/"
_MILLI = 10**6


def is_native(name: str) -> bool:
    """Whether a resource is one of Kubernetes itself."""
    return "/" not in name or name.partition("/")[0].endswith("kubernetes.io")


def is_extended(name: str) -> bool:
    """Whether a resource was added by somebody else, e.g. a device plugin."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def allows_overcommit(name: str) -> bool:
    """Whether limits may be above requests."""
    return is_native(name) and not name.startswith(HUGE_PAGES)


def resource_name(path: str, name: str) -> Problems:
    """A name of any resource."""
    problems = names.qualified_name(name)
    for text in problems:
        yield fielderrors.invalid_value(path, name, text)
    if not problems and "/" not in name and not is_standard(name):
        yield fielderrors.invalid_value(
            path, name, "must be a standard resource type or fully qualified"
        )


def is_standard(name: str) -> bool:
    """Whether a name without a domain is known."""
    return name in STANDARD or name.startswith((HUGE_PAGES, f"requests.{HUGE_PAGES}"))


def container_resource_name(path: str, name: str) -> Problems:
    """A name of a resource that containers can ask for."""
    yield from resource_name(path, name)
    if "/" not in name:
        if name not in _CONTAINER and not name.startswith(HUGE_PAGES):
            yield fielderrors.invalid_value(
                path, name, "must be a standard resource for containers"
            )
    elif not is_native(name) and not is_extended(name):
        yield fielderrors.invalid_value(
            path, name, "doesn't follow extended resource name standard"
        )


def _pod_resource_name(path: str, name: str) -> Problems:
    problems = list(resource_name(path, name))
    yield from problems
    if not problems and name not in _POD_LEVEL and not name.startswith(HUGE_PAGES):
        yield fielderrors.not_supported(path, name, _POD_LEVEL)


def amount(path: str, name: str, text: str) -> Problems:
    """An amount that is not negative, and whole where only whole ones make sense."""
    yield from checks.amount(path, text)
    if (name in _INTEGER or is_extended(name)) and checks.nanos(text) % 10**9:
        yield fielderrors.invalid_value(path, text, NOT_INTEGER)


def requirements(
    path: str, found: Object, *, claims: Iterable[str] = (), pod_level: bool = False
) -> Problems:
    """Requests and limits of a container, or of a whole pod."""
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, text in amounts.items():
            here = f"{path}.{field}[{name}]"
            check = _pod_resource_name if pod_level else container_resource_name
            yield from check(here, name)
            yield from amount(here, name, text)
            yield from _huge_pages(here, name, text)
    for name, text in requests.items():
        yield from _request(path, name, text, limits)
    everything = {*limits, *requests}
    has_huge_pages = any(name.startswith(HUGE_PAGES) for name in everything)
    if has_huge_pages and not everything & {"cpu", "memory"}:
        yield fielderrors.forbidden(path, "HugePages require cpu or memory")
    yield from _claims(f"{path}.claims", found.get("claims") or (), sorted(claims))


def _request(path: str, name: str, text: str, limits: Object) -> Problems:
    limit = limits.get(name)
    if limit is None:
        if not allows_overcommit(name):
            yield fielderrors.required(
                f"{path}.limits", "Limit must be set for non overcommitable resources"
            )
        return
    wanted, allowed = checks.nanos(text), checks.nanos(limit)
    if wanted != allowed and not allows_overcommit(name):
        yield fielderrors.invalid_value(
            f"{path}.requests", text, f"must be equal to {name} limit of {limit}"
        )
    elif wanted > allowed:
        yield fielderrors.invalid_value(
            f"{path}.requests", text, f"must be less than or equal to {name} limit of {limit}"
        )


def _huge_pages(path: str, name: str, text: str) -> Problems:
    if not name.startswith(HUGE_PAGES):
        return
    try:
        size = quantity.parse(name.removeprefix(HUGE_PAGES)).nanos
    except quantity.QuantityError:
        size = 0
    if size <= 0 or checks.nanos(text) % size:
        yield fielderrors.invalid_value(
            path, text, f"{text} is not positive integer multiple of {name}"
        )


def _claims(path: str, claims: Iterable[Object], known: list[str]) -> Problems:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        name, here = claim.get("name") or "", f"{path}[{index}]"
        if not name:
            yield fielderrors.required(here)
            continue
        request = claim.get("request") or ""
        key = f"{name}/{request}" if request else name
        if request:
            yield from checks.fits(f"{here}.request", request, names.dns_label)
        if name in seen or key in seen:
            yield fielderrors.duplicate(here, name if name in seen else key)
        elif not request and any(one.startswith(f"{name}/") for one in seen):
            yield fielderrors.duplicate(here, name)
        seen.add(key)
        if name not in known:
            rest = f": {', '.join(known)}" if known else " which is empty"
            message = (
                f"Not found: {fielderrors.quote(name)}: must be one of the names in "
                f"pod.spec.resourceClaims{rest}"
            )
            yield fielderrors.FieldError(fielderrors.NOT_FOUND, message, here, name)
