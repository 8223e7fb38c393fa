"""Limit ranges: how much single pods, containers and claims may use."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.embedded.kubeapi.validation import checks, names, resources
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_FIELDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_NAMES = {
    "min": "min value",
    "max": "max value",
    "default": "default value",
    "defaultRequest": "default request value",
}
_NANO = 10**9


def validate(obj: Manifest) -> Problems:
    """The problems of a limit range."""
    seen: set[str] = set()
    for index, limit in enumerate(obj["spec"].get("limits") or ()):
        path, type_ = f"spec.limits[{index}]", limit.get("type") or ""
        yield from _type(f"{path}.type", type_)
        if type_ in seen:
            yield fielderrors.duplicate(f"{path}.type", type_)
        seen.add(type_)
        yield from _limit(path, limit, type_)


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed limit range."""
    yield from validate(new)


def _type(path: str, type_: str) -> Problems:
    problems = names.qualified_name(type_)
    for text in problems:
        yield fielderrors.invalid_value(path, type_, text)
    if not problems and "/" not in type_ and type_ not in _TYPES:
        yield fielderrors.invalid_value(
            path, type_, "must be a standard limit type or fully qualified"
        )


def _limit(path: str, limit: Object, type_: str) -> Problems:
    fields = list(_FIELDS)
    if type_ == "Pod":
        for field in ("default", "defaultRequest"):
            fields.remove(field)
            if limit.get(field):
                yield fielderrors.forbidden(
                    f"{path}.{field}", "may not be specified when `type` is 'Pod'"
                )
    check = resources.resource_name
    if type_ in ("Pod", "Container"):
        check = resources.container_resource_name
    amounts: dict[str, dict[str, str]] = {}
    for field in fields:
        for name, text in (limit.get(field) or {}).items():
            yield from check(f"{path}.{field}[{name}]", name)
            amounts.setdefault(name, {})[field] = text
    if type_ == "PersistentVolumeClaim" and not {"min", "max"} & amounts.get("storage", {}).keys():
        yield fielderrors.required(
            f"{path}.limits",
            "either minimum or maximum storage value is required, but neither was provided",
        )
    for name, found in sorted(amounts.items()):
        yield from _order(path, name, found)
        yield from _ratio(path, name, found)
        yield from _no_overcommit(path, name, found)


def _order(path: str, name: str, found: Mapping[str, str]) -> Problems:
    yield from _above(path, name, found, ("min", "max"), blamed="min")
    yield from _above(path, name, found, ("min", "defaultRequest"), blamed="defaultRequest")
    yield from _above(path, name, found, ("defaultRequest", "max"), blamed="defaultRequest")
    yield from _above(path, name, found, ("defaultRequest", "default"), blamed="defaultRequest")
    # Of these two, the real one shows the bound and not the default.
    yield from _above(path, name, found, ("min", "default"), blamed="default", shown="min")
    yield from _above(path, name, found, ("default", "max"), blamed="default", shown="max")


def _above(
    path: str,
    name: str,
    found: Mapping[str, str],
    pair: tuple[str, str],
    *,
    blamed: str,
    shown: str = "",
) -> Problems:
    low, high = found.get(pair[0]), found.get(pair[1])
    if low is None or high is None or checks.nanos(low) <= checks.nanos(high):
        return
    noun = _NAMES[pair[1]]
    if pair == ("defaultRequest", "default"):
        noun = "default limit value"
    yield fielderrors.invalid_value(
        f"{path}.{blamed}[{name}]",
        found[shown or blamed],
        f"{_NAMES[pair[0]]} {low} is greater than {noun} {high}",
    )


def _ratio(path: str, name: str, found: Mapping[str, str]) -> Problems:
    ratio = found.get("maxLimitRequestRatio")
    if ratio is None:
        return

    def refused(detail: str) -> FieldError:
        return fielderrors.invalid_value(f"{path}.maxLimitRequestRatio[{name}]", ratio, detail)

    if checks.nanos(ratio) < _NANO:
        yield refused(f"ratio {ratio} is less than 1")
    low, high = checks.nanos(found.get("min", "0")), checks.nanos(found.get("max", "0"))
    if low > 0 and "max" in found and Fraction(checks.nanos(ratio), _NANO) > Fraction(high, low):
        yield refused(f"ratio {ratio} is greater than max/min = {high / low:f}")


def _no_overcommit(path: str, name: str, found: Mapping[str, str]) -> Problems:
    limit, request = found.get("default"), found.get("defaultRequest")
    if resources.allows_overcommit(name) or limit is None or request is None:
        return
    if checks.nanos(limit) != checks.nanos(request):
        yield fielderrors.invalid_value(
            f"{path}.defaultRequest[{name}]",
            request,
            f"default value {limit} must equal to defaultRequest value {request} in {name}",
        )
