"""Filters of rules and backends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import re2

from choreo_local.embedded.network import references
from choreo_local.embedded.network.references import Manifest, Problem, World
from choreo_local.embedded.network.table import Cors, HeaderChange, Mirror, Redirect, Rewrite


@dataclass(slots=True)
class Filters:
    """The filters of one rule or backend."""

    request_headers: HeaderChange = field(default_factory=HeaderChange)
    response_headers: HeaderChange = field(default_factory=HeaderChange)
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    cors: Cors | None = None
    mirrors: tuple[Mirror, ...] = ()
    problem: Problem | None = None


def read(world: World, route: Manifest, entries: Any) -> Filters:
    """The filters of a list; `problem` is the first thing in it that cannot be had."""
    result = Filters()
    for entry in entries or ():
        problem = _add(result, world, route, entry)
        result.problem = result.problem or problem
    if result.redirect and result.rewrite:
        message = "URLRewrite and RequestRedirect exclude each other"
        result.problem = Problem("IncompatibleFilters", message)
    return result


def _add(result: Filters, world: World, route: Manifest, entry: Manifest) -> Problem | None:
    match entry.get("type"):
        case "RequestHeaderModifier":
            result.request_headers = headers(entry.get("requestHeaderModifier") or {})
        case "ResponseHeaderModifier":
            result.response_headers = headers(entry.get("responseHeaderModifier") or {})
        case "URLRewrite":
            result.rewrite = _rewrite(entry.get("urlRewrite") or {})
        case "RequestRedirect":
            result.redirect = _redirect(entry.get("requestRedirect") or {})
        case "CORS":
            result.cors = cors(entry.get("cors") or {})
        case "RequestMirror":
            return _mirror(result, world, route, entry.get("requestMirror") or {})
        case other:
            return Problem("UnsupportedValue", f'filter "{other}" is not supported')
    return None


def headers(entry: Manifest) -> HeaderChange:
    """A header modifier."""

    def pairs(field_name: str) -> tuple[tuple[str, str], ...]:
        return tuple((each["name"], each["value"]) for each in entry.get(field_name) or ())

    return HeaderChange(pairs("set"), pairs("add"), tuple(entry.get("remove") or ()))


def _rewrite(entry: Manifest) -> Rewrite:
    path = entry.get("path") or {}
    return Rewrite(
        hostname=entry.get("hostname"),
        prefix=path.get("replacePrefixMatch"),
        full_path=path.get("replaceFullPath"),
    )


def _redirect(entry: Manifest) -> Redirect:
    path = entry.get("path") or {}
    return Redirect(
        status=int(entry.get("statusCode") or 302),
        scheme=entry.get("scheme"),
        hostname=entry.get("hostname"),
        port=entry.get("port"),
        prefix=path.get("replacePrefixMatch"),
        full_path=path.get("replaceFullPath"),
    )


def cors(entry: Manifest) -> Cors:
    """A CORS filter."""
    max_age = entry.get("maxAge")
    return Cors(
        origins=tuple(entry.get("allowOrigins") or ()),
        methods=tuple(entry.get("allowMethods") or ()),
        headers=tuple(entry.get("allowHeaders") or ()),
        exposed=tuple(entry.get("exposeHeaders") or ()),
        credentials=bool(entry.get("allowCredentials")),
        max_age_seconds=None if max_age is None else int(max_age),
    )


def _mirror(result: Filters, world: World, route: Manifest, entry: Manifest) -> Problem | None:
    backend = references.resolve(world, route, entry.get("backendRef") or {"name": ""})
    if isinstance(backend, Problem):
        return backend
    fraction = entry.get("fraction") or {}
    numerator = int(fraction.get("numerator") or entry.get("percent") or 100)
    mirror = Mirror(backend, numerator, int(fraction.get("denominator") or 100))
    result.mirrors = (*result.mirrors, mirror)
    return None


def policy_rewrite(policy: Manifest) -> Rewrite | None:
    """The path rewrite of a TrafficPolicy; one with a bad pattern is ignored."""
    found = ((policy.get("spec") or {}).get("urlRewrite") or {}).get("pathRegex")
    if not found:
        return None
    try:
        re2.compile(found["pattern"])
    except re2.error:
        return None
    return Rewrite(pattern=found["pattern"], substitution=found.get("substitution", ""))
