"""Requests against the route table: which route, which backend, which path. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import re2

from choreo_local.embedded.network import hostnames
from choreo_local.embedded.network.table import (
    Cors,
    HeaderChange,
    Match,
    PathType,
    PortTable,
    Redirect,
    Rewrite,
    Route,
    ValueMatch,
    WeightedBackend,
)

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request decides its route; header names are lower case, `path` has no query."""

    host: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]


def find_route(port: PortTable, asked: Asked) -> Route | None:
    """The first route of the most specific host name that fits."""
    host = asked.host.rsplit(":", 1)[0].lower() if ":" in asked.host else asked.host.lower()
    name = hostnames.best((each.hostname for each in port.hosts), host)
    for each in port.hosts:
        if each.hostname == name:
            return next((route for route in each.routes if _fits(route.match, asked)), None)
    return None


def _fits(match: Match, asked: Asked) -> bool:
    if match.method not in ("", asked.method) or not _path_fits(match, asked.path):
        return False
    if not all(_value_fits(each, asked.headers.get(each.name)) for each in match.headers):
        return False
    query: dict[str, str] = {}
    if match.query:
        for key, value in parse_qsl(asked.query, keep_blank_values=True):
            query.setdefault(key, value)
    return all(_value_fits(each, query.get(each.name)) for each in match.query)


def _path_fits(match: Match, path: str) -> bool:
    wanted = match.path.value
    match match.path.type:
        case PathType.EXACT:
            return path == wanted
        case PathType.REGEX:
            return re2.fullmatch(wanted, path) is not None
    base = wanted.rstrip("/")
    return path == base or path.startswith(f"{base}/")


def _value_fits(wanted: ValueMatch, found: str | None) -> bool:
    if found is None:
        return False
    if wanted.regex:
        return re2.fullmatch(wanted.value, found) is not None
    return found == wanted.value


def choose(backends: Sequence[WeightedBackend]) -> WeightedBackend | None:
    """A backend by its weight; None where there is none, or the chosen share has none."""
    used = [each for each in backends if each.weight > 0]
    if not used:
        return None
    if len(used) == 1:
        return used[0]
    # Which request goes where needs no secrecy and no repetition.
    return random.choices(used, [each.weight for each in used])[0]


def replaced_prefix(path: str, matched: str, replacement: str) -> str:
    """A path with its matched prefix replaced; exactly one slash where both meet."""
    base = matched.rstrip("/")
    rest = path[len(base) :]
    head = replacement.rstrip("/")
    return (head + rest) or "/"


def rewritten_path(route: Route, path: str) -> str:
    """The path for the backend."""
    rewrite = route.rewrite or Rewrite()
    if rewrite.full_path is not None:
        return rewrite.full_path
    if rewrite.pattern is not None:
        return str(re2.sub(rewrite.pattern, rewrite.substitution, path))
    if rewrite.prefix is not None and route.match.path.type is PathType.PREFIX:
        return replaced_prefix(path, route.match.path.value, rewrite.prefix)
    return path


def location(route: Route, redirect: Redirect, asked: Asked, *, port: int) -> str:
    """Where a redirect leads; `port` is that of the listener."""
    scheme = redirect.scheme or "http"
    host = redirect.hostname or asked.host.rsplit(":", 1)[0]
    number = redirect.port
    if number is None:
        number = _DEFAULT_PORTS.get(redirect.scheme or "", port)
    path = asked.path
    if redirect.full_path is not None:
        path = redirect.full_path
    elif redirect.prefix is not None:
        path = replaced_prefix(path, route.match.path.value, redirect.prefix)
    suffix = "" if number == _DEFAULT_PORTS.get(scheme) else f":{number}"
    query = f"?{asked.query}" if asked.query else ""
    return f"{scheme}://{host}{suffix}{path}{query}"


def changed_headers(
    headers: Iterable[tuple[str, str]], *changes: HeaderChange
) -> list[tuple[str, str]]:
    """Headers after the changes, in order."""
    result = list(headers)
    for change in changes:
        gone = {name.lower() for name in change.remove} | {name.lower() for name, _ in change.set}
        result = [pair for pair in result if pair[0].lower() not in gone]
        result += [*change.set, *change.add]
    return result


def allows_origin(cors: Cors, origin: str) -> bool:
    """Whether pages of an origin may call."""
    for each in cors.origins:
        if each in ("*", origin):
            return True
        if "*" in each:
            pattern = re2.escape(each).replace("\\*", ".*")
            if re2.fullmatch(pattern, origin):
                return True
    return False


def cors_headers(cors: Cors, origin: str, *, preflight: bool) -> dict[str, str]:
    """The headers of an answer to an allowed origin."""
    made: dict[str, Any] = {"Access-Control-Allow-Origin": origin}
    if cors.credentials:
        made["Access-Control-Allow-Credentials"] = "true"
    if not preflight:
        if cors.exposed:
            made["Access-Control-Expose-Headers"] = ", ".join(cors.exposed)
        return made
    if cors.methods:
        made["Access-Control-Allow-Methods"] = ", ".join(cors.methods)
    if cors.headers:
        made["Access-Control-Allow-Headers"] = ", ".join(cors.headers)
    if cors.max_age_seconds is not None:
        made["Access-Control-Max-Age"] = str(cors.max_age_seconds)
    return made
