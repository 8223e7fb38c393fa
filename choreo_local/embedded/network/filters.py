"""Filters of rules and backends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from choreo_local.embedded.network import acceptable, references
from choreo_local.embedded.network.references import Manifest, Place, Problem, World
from choreo_local.embedded.network.table import Cors, HeaderChange, Mirror, Redirect, Rewrite


@dataclass(slots=True)
class Filters:
    """The filters of one rule or backend.

    Attributes:
        policies: where policies that a filter names are attached.
        problem: the first thing that cannot be had at all.
        unresolved: the first object that a filter names and that cannot be used.
        refusal: why requests must not pass without such an object.
    """

    request_headers: HeaderChange = field(default_factory=HeaderChange)
    response_headers: HeaderChange = field(default_factory=HeaderChange)
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    cors: Cors | None = None
    mirrors: tuple[Mirror, ...] = ()
    policies: tuple[Place, ...] = ()
    problem: Problem | None = None
    unresolved: Problem | None = None
    refusal: str = ""


def read(world: World, route: Manifest, entries: Any) -> Filters:
    """The filters of a list."""
    result = Filters()
    for entry in entries or ():
        problem = _add(result, world, route, entry)
        result.problem = result.problem or problem
    if result.redirect and result.rewrite:
        message = "URLRewrite and RequestRedirect exclude each other"
        result.problem = Problem("IncompatibleFilters", message)
    if fault := _fault(result):
        result.problem = result.problem or Problem("UnsupportedValue", fault)
    return result


def read_of_backend(world: World, route: Manifest, entries: Any) -> Filters:
    """The filters of a backend, which can change headers and no more."""
    found = read(world, route, entries)
    others = {
        "URLRewrite": found.rewrite,
        "RequestRedirect": found.redirect,
        "CORS": found.cors,
        "RequestMirror": found.mirrors,
        "ExtensionRef": found.policies,
    }
    for name, asked in others.items():
        if asked and not found.problem:
            message = f'filter "{name}" is not supported on a backend, put it on the rule'
            found.problem = Problem("UnsupportedValue", message)
    return found


def _fault(found: Filters) -> str:
    """What Envoy would not take."""
    texts: list[str | None] = []
    for each in (found.rewrite, found.redirect):
        texts += [each.hostname, each.prefix, each.full_path] if each else []
    if fault := next((one for text in texts if text and (one := acceptable.text_fault(text))), ""):
        return fault
    for change in (found.request_headers, found.response_headers):
        if fault := acceptable.headers_fault((*change.set, *change.add), change.remove):
            return fault
    return ""


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
            _mirror(result, world, route, entry.get("requestMirror") or {})
        case "ExtensionRef":
            _extension(result, world, route, entry.get("extensionRef") or {})
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


def _mirror(result: Filters, world: World, route: Manifest, entry: Manifest) -> None:
    backend = references.resolve(world, route, entry.get("backendRef") or {"name": ""})
    if isinstance(backend, Problem):
        # The requests themselves go on, only their copies are left out.
        result.unresolved = result.unresolved or backend
        return
    fraction = entry.get("fraction")
    if fraction is None:
        fraction = {"numerator": entry.get("percent", 100)}
    mirror = Mirror(backend, int(fraction["numerator"]), int(fraction.get("denominator") or 100))
    result.mirrors = (*result.mirrors, mirror)


def _extension(result: Filters, world: World, route: Manifest, reference: Manifest) -> None:
    """A TrafficPolicy of kgateway or an HTTPRouteFilter of Envoy Gateway."""
    kind = (reference.get("group") or "", reference.get("kind") or "")
    namespace, name = route["metadata"]["namespace"], reference.get("name") or ""
    found: Rewrite | Problem | None = None
    if kind == (references.KGATEWAY_GROUP, "TrafficPolicy"):
        named = [each["metadata"] for each in world.policies if each["kind"] == "TrafficPolicy"]
        if any((each["namespace"], each["name"]) == (namespace, name) for each in named):
            result.policies = (*result.policies, ("TrafficPolicy", namespace, name, ""))
            return
    elif kind == (references.ENVOY_GATEWAY_GROUP, "HTTPRouteFilter"):
        found = _route_filter(world.route_filters.get((namespace, name)))
    else:
        message = f'filter of kind "{kind[1]}" is not supported'
        found = Problem("InvalidKind", message)
    if found is None:
        found = Problem("BackendNotFound", f"{kind[1]} {namespace}/{name} does not exist")
    if isinstance(found, Problem):
        result.unresolved = result.unresolved or found
        result.refusal = result.refusal or found.message
    else:
        result.rewrite = replace(
            result.rewrite or Rewrite(), pattern=found.pattern, substitution=found.substitution
        )


def _route_filter(obj: Manifest | None) -> Rewrite | Problem | None:
    if obj is None:
        return None
    spec = obj["spec"]
    path = (spec.get("urlRewrite") or {}).get("path") or {}
    replacement = path.get("replaceRegexMatch")
    if set(spec) != {"urlRewrite"} or set(spec["urlRewrite"]) != {"path"} or not replacement:
        message = "an HTTPRouteFilter can replace what a regular expression finds, no more"
        return Problem("UnsupportedValue", message)
    pattern, substitution = replacement["pattern"], replacement.get("substitution", "")
    if fault := acceptable.substitution_fault(pattern, substitution):
        return Problem("UnsupportedValue", fault)
    return Rewrite(pattern=pattern, substitution=substitution)
