"""Matches of HTTPRoute and GRPCRoute rules, and which of several wins. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import re2

from choreo_local.embedded.network import acceptable
from choreo_local.embedded.network.references import Manifest, Problem
from choreo_local.embedded.network.table import Match, PathMatch, PathType, Route, ValueMatch

_REGEX = "RegularExpression"


def http_matches(rule: Manifest) -> list[Match] | Problem:
    """The matches of an HTTPRoute rule; none means every request."""
    return _checked([_http_match(each) for each in _entries(rule)])


def grpc_matches(rule: Manifest) -> list[Match] | Problem:
    """The matches of a GRPCRoute rule, as paths `/service/method`."""
    return _checked([_grpc_match(each) for each in _entries(rule)])


def _entries(rule: Manifest) -> Sequence[Manifest]:
    found: Sequence[Manifest] = rule.get("matches") or [{}]
    return found


def _http_match(match: Manifest) -> Match:
    path = match.get("path") or {}
    return Match(
        path=PathMatch(PathType(path.get("type", "PathPrefix")), path.get("value", "/")),
        method=match.get("method") or "",
        headers=_values(match.get("headers"), fold_case=True),
        query=_values(match.get("queryParams")),
    )


def _grpc_match(match: Manifest) -> Match:
    method = match.get("method") or {}
    service, name = method.get("service") or "", method.get("method") or ""
    headers = _values(match.get("headers"), fold_case=True)
    if method.get("type") == _REGEX:
        pattern = f"/{service or '[^/]+'}/{name or '[^/]+'}"
        return Match(PathMatch(PathType.REGEX, pattern), headers=headers)
    if service and name:
        return Match(PathMatch(PathType.EXACT, f"/{service}/{name}"), headers=headers)
    if service:
        return Match(PathMatch(PathType.PREFIX, f"/{service}/"), headers=headers)
    if name:
        pattern = f"/[^/]+/{re2.escape(name)}"
        return Match(PathMatch(PathType.REGEX, pattern), headers=headers)
    return Match(headers=headers)


def _values(
    entries: Iterable[Mapping[str, Any]] | None, *, fold_case: bool = False
) -> tuple[ValueMatch, ...]:
    """Of several entries for one name only the first counts, as the specification says."""
    found: dict[str, ValueMatch] = {}
    for each in entries or ():
        name = each["name"].lower() if fold_case else each["name"]
        found.setdefault(name, ValueMatch(name, each["value"], each.get("type") == _REGEX))
    return tuple(found.values())


def _checked(matches: list[Match]) -> list[Match] | Problem:
    for match in matches:
        patterns = [each.value for each in (*match.headers, *match.query) if each.regex]
        if match.path.type is PathType.REGEX:
            patterns.append(match.path.value)
        for pattern in patterns:
            if fault := acceptable.pattern_fault(pattern):
                return Problem("UnsupportedValue", fault)
    return matches


def precedence(route: Route) -> tuple[int, int, bool, int, int]:
    """Sort key by which routes of a host are tried; equal ones keep their order.

    An exact path wins, then the longer prefix, then a method, more headers, more query parameters.
    Regular expressions, whose order the specification leaves open, stand by their length among the
    prefixes, so that a catch-all prefix does not hide them.
    """
    match = route.match
    exact = match.path.type is PathType.EXACT
    return (
        0 if exact else 1,
        -len(match.path.value.rstrip("/") or "/"),
        not match.method,
        -len(match.headers),
        -len(match.query),
    )
