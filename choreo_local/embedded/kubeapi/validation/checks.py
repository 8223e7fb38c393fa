"""Checks that many kinds share. Each yields problems of one field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import quantity
from choreo_local.embedded.kubeapi.validation import metadata, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems
from choreo_local.embedded.kubeapi.validation.names import Check

NOT_NEGATIVE = "must be greater than or equal to 0"
_MAX_INT32 = 2**31 - 1


def fits(path: str, value: str, check: Check) -> Problems:
    """A text obeys a rule for names."""
    for text in check(value):
        yield fielderrors.invalid_value(path, value, text)


def one_of(path: str, value: Any, supported: Iterable[str]) -> Problems:
    """A text is one of a few; they are printed in the order given."""
    listed = list(supported)
    if value not in listed:
        yield fielderrors.not_supported(path, value if value is not None else "", listed)


def required_one_of(path: str, value: Any, supported: Iterable[str]) -> Problems:
    """A text is there and one of a few."""
    if not value:
        yield fielderrors.required(path)
    else:
        yield from one_of(path, value, supported)


def not_negative(path: str, value: int | None) -> Problems:
    """A number is zero or more."""
    if value is not None and value < 0:
        yield fielderrors.invalid_value(path, value, NOT_NEGATIVE)


def all_not_negative(path: str, obj: Mapping[str, Any], *fields: str) -> Problems:
    """Several numbers of an object are zero or more."""
    prefix = f"{path}." if path else ""
    for field in fields:
        yield from not_negative(f"{prefix}{field}", obj.get(field))


def in_range(path: str, value: int, low: int, high: int) -> Problems:
    """A number is within bounds."""
    if not low <= value <= high:
        yield fielderrors.invalid_value(path, value, names.in_range(low, high))


def port_number(path: str, value: int) -> Problems:
    """A number of a port."""
    yield from in_range(path, value, 1, 65535)


def port(path: str, value: int | str | None) -> Problems:
    """A number or name of a port."""
    if isinstance(value, str):
        for text in names.port_name(value):
            yield fielderrors.invalid_value(path, value, text)
    else:
        yield from port_number(path, value or 0)


def ip_address(path: str, value: str) -> Problems:
    """An IPv4 or IPv6 address."""
    yield from fits(path, value, names.ip_address)


def label_selector(path: str, selector: Mapping[str, Any] | None) -> Problems:
    """A label selector, with what each of its requirements must say."""
    if selector is None:
        return
    yield from metadata.check_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, requirement in enumerate(selector.get("matchExpressions") or ()):
        yield from _requirement(f"{path}.matchExpressions[{index}]", requirement)


def _requirement(path: str, requirement: Mapping[str, Any]) -> Problems:
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield fielderrors.required(
                f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"
            )
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield fielderrors.forbidden(
                f"{path}.values",
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
    else:
        yield fielderrors.invalid_value(
            f"{path}.operator", operator, "not a valid selector operator"
        )
    yield from fits(f"{path}.key", requirement.get("key") or "", names.qualified_name)
    for index, value in enumerate(values):
        yield from fits(f"{path}.values[{index}]", value, names.label_value)


def shown_selector(selector: Mapping[str, Any] | None) -> Any:
    """A selector with its parts in the order in which they are always written."""
    if selector is None:
        return None
    shown = dict(selector)
    if shown.get("matchExpressions"):
        shown["matchExpressions"] = [
            {field: one[field] for field in ("key", "operator", "values") if field in one}
            for one in shown["matchExpressions"]
        ]
    order = ("matchLabels", "matchExpressions")
    return {field: shown[field] for field in order if field in shown}


def is_selector_valid(selector: Mapping[str, Any] | None) -> bool:
    """Whether a selector can be evaluated at all."""
    return not any(True for _ in label_selector("", selector))


def is_empty_selector(selector: Mapping[str, Any] | None) -> bool:
    """Whether a selector says nothing, and so selects everything."""
    found = selector or {}
    return not found.get("matchLabels") and not found.get("matchExpressions")


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether labels match a valid selector."""
    found, given = selector or {}, labels or {}
    for key, value in (found.get("matchLabels") or {}).items():
        if given.get(key) != value:
            return False
    for requirement in found.get("matchExpressions") or ():
        key, operator = requirement.get("key"), requirement.get("operator")
        values = requirement.get("values") or ()
        present = key in given
        holds = {
            "In": present and given.get(key) in values,
            "NotIn": not present or given.get(key) not in values,
            "Exists": present,
            "DoesNotExist": not present,
        }
        if not holds.get(str(operator), False):
            return False
    return True


def unchanged(path: str, new: Any, old: Any) -> Problems:
    """A field may not change."""
    if new != old:
        yield metadata.immutable(path, new)


def int_or_percent(path: str, value: int | str | None) -> Problems:
    """A number of pods, or a share of them."""
    if isinstance(value, str):
        for text in names.percentage(value):
            yield fielderrors.invalid_value(path, value, text)
    else:
        yield from not_negative(path, value)


def percent_of(value: Any) -> int | None:
    """The number of a percentage; None for anything else."""
    if isinstance(value, str) and not names.percentage(value) and len(value) <= 12:
        return int(value[:-1])
    return None


def at_most_100_percent(path: str, value: Any) -> Problems:
    """A share is not more than all."""
    percent = percent_of(value)
    if percent is not None and percent > 100:
        yield fielderrors.invalid_value(path, value, "must not be greater than 100%")


def number_of(value: Any) -> int:
    """A number, or the number of a percentage; zero for other texts."""
    return value if isinstance(value, int) else percent_of(value) or 0


def amount(path: str, text: str) -> Problems:
    """An amount of a resource is zero or more."""
    if quantity.parse(text).nanos < 0:
        yield fielderrors.invalid_value(path, text, NOT_NEGATIVE)


def nanos(text: Any) -> int:
    """An amount in billionths."""
    return quantity.parse(str(text)).nanos


def relative_path(path: str, value: str, *, name: str = "") -> Problems:
    """A path below some directory: it neither begins at the root nor leads upwards."""
    if value.startswith("/"):
        yield fielderrors.invalid_value(path, value, "must be a relative path")
    yield from no_back_steps(path, value)


def no_back_steps(path: str, value: str) -> Problems:
    """A path does not lead upwards."""
    if ".." in value.split("/"):
        yield fielderrors.invalid_value(path, value, "must not contain '..'")


def duplicates(path: str, values: Sequence[Any]) -> Problems:
    """All values of a list differ."""
    seen = []
    for index, value in enumerate(values):
        if value in seen:
            yield fielderrors.duplicate(f"{path}[{index}]", value)
        else:
            seen.append(value)


def domain_prefixed_path(path: str, value: str) -> Problems:
    """`acme.io/foo`: a domain, so that names of different owners never meet."""
    host, _, rest = value.partition("/")
    if not value:
        yield fielderrors.required(path)
    elif not host or not rest:
        yield fielderrors.invalid_value(
            path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'
        )
    else:
        yield from fits(path, host, names.dns_subdomain)
        yield from fits(path, rest, names.http_path)


def lowered_count(path: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> Problems:
    """The count of collisions never falls."""
    now, then = new.get("collisionCount"), old.get("collisionCount")
    if then is not None and (now is None or now < then):
        yield fielderrors.invalid_value(f"{path}.collisionCount", now or 0, "cannot be decremented")


def at_most_bytes(path: str, value: str, limit: int) -> Problems:
    """A text is not too long."""
    if len(value.encode()) > limit:
        yield fielderrors.too_long(path, limit)


def reference_part(path: str, value: str | None) -> Problems:
    """A kind or name of something else is there and could be part of a URL."""
    if not value:
        yield fielderrors.required(path)
    else:
        yield from fits(path, value, names.path_segment)
