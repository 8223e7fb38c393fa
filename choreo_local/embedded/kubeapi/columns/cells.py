"""Texts that cells are made of: ages, label selectors, shortened lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from choreo_local import clock

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY
_OPERATORS = {"In": "in", "NotIn": "notin"}


def human_duration(seconds: float) -> str:
    """A length of time as kubectl shows it: `45s`, `3m20s`, `5h`, `12d`, `3y40d`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = whole % large // small
    return f"{whole // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")


def since(timestamp: Any, now: datetime) -> str:
    """The time since a timestamp; `<unknown>` when there is none."""
    if not isinstance(timestamp, str) or not timestamp:
        return UNKNOWN
    try:
        return human_duration((now - clock.parse_timestamp(timestamp)).total_seconds())
    except (ValueError, TypeError):
        return UNKNOWN


def age(obj: Mapping[str, Any], now: datetime) -> str:
    """The age of an object."""
    return since((obj.get("metadata") or {}).get("creationTimestamp"), now)


def name(obj: Mapping[str, Any]) -> str:
    """The name of an object."""
    return str((obj.get("metadata") or {}).get("name") or "")


def get(obj: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path; the default when any part is absent or null."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return default if value is None else value


def labels(found: Mapping[str, Any] | None) -> str:
    """`a=b,c=d` in order of the keys."""
    pairs = [f"{key}={value}" for key, value in sorted((found or {}).items())]
    return ",".join(pairs) or NONE


def selector(found: Mapping[str, Any] | None, *, nothing: str = NONE) -> str:
    """A label selector in the form of a query; `nothing` stands for one that selects all."""
    found = found or {}
    terms = [(key, f"{key}={value}") for key, value in (found.get("matchLabels") or {}).items()]
    terms += [(one.get("key", ""), _term(one)) for one in found.get("matchExpressions") or ()]
    terms.sort(key=lambda term: term[0])
    return ",".join(text for _, text in terms) or nothing


def _term(expression: Mapping[str, Any]) -> str:
    key, operator = expression.get("key", ""), expression.get("operator")
    if operator == "Exists":
        return str(key)
    if operator == "DoesNotExist":
        return f"!{key}"
    values = ",".join(sorted(expression.get("values") or ()))
    return f"{key} {_OPERATORS.get(str(operator), operator)} ({values})"


def containers(pod_spec: Mapping[str, Any] | None) -> list[str]:
    """Names and images of the containers of a pod, as two cells."""
    found = (pod_spec or {}).get("containers") or ()
    return [",".join(str(one.get(key) or "") for one in found) for key in ("name", "image")]


def shortened(items: Sequence[str], *, total: int | None = None, limit: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    count = len(items) if total is None else total
    text = ",".join(items[:limit])
    return f"{text} + {count - limit} more..." if count > limit else text


def true_false(value: Any) -> str:
    """A flag that may be unset."""
    return UNSET if value is None else str(bool(value))


def is_condition_true(conditions: Iterable[Mapping[str, Any]] | None, type_: str) -> bool:
    """Whether the first condition of a type is true."""
    for condition in conditions or ():
        if condition.get("type") == type_:
            return condition.get("status") == "True"
    return False
