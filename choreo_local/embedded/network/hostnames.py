"""Host names of listeners and routes: which overlap, and which is more specific. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ANY = "*"


def intersection(listener: str, routes: Sequence[str]) -> tuple[str, ...]:
    """The names that a listener serves for a route; `*` when neither names any."""
    if not routes:
        return (listener or ANY,)
    if not listener:
        return tuple(dict.fromkeys(routes))
    found = (_common(listener, each) for each in routes)
    return tuple(dict.fromkeys(each for each in found if each))


def _common(one: str, other: str) -> str | None:
    if one == other:
        return one
    if covers(one, other):
        return other
    if covers(other, one):
        return one
    return None


def covers(pattern: str, name: str) -> bool:
    """Whether a wildcard pattern includes a name, or another pattern."""
    if pattern == ANY:
        return True
    if not pattern.startswith("*."):
        return pattern == name
    return name.removeprefix("*").endswith(pattern[1:]) and name != pattern[2:]


def specificity(hostname: str) -> tuple[int, int]:
    """Sort key: exact names first, then the longer pattern, `*` last."""
    return (1 if hostname.startswith("*") else 0, -len(hostname))


def best(patterns: Iterable[str], name: str) -> str | None:
    """The most specific pattern that covers a name."""
    fitting = (pattern for pattern in patterns if covers(pattern, name))
    return min(fitting, key=specificity, default=None)
