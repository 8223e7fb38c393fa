"""Virtual hosts and routes of the table in Envoy's form. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import re2

from choreo_local.embedded.network import xds_guards, xds_sessions
from choreo_local.embedded.network.guards import Limits, Retry
from choreo_local.embedded.network.table import (
    Backend,
    Cors,
    HeaderChange,
    Joined,
    Match,
    Mirror,
    PathType,
    Redirect,
    Rewrite,
    Route,
    ValueMatch,
    VirtualHost,
    WeightedBackend,
)

Resource = dict[str, Any]

CORS, SESSION = "envoy.filters.http.cors", "envoy.filters.http.stateful_session"
# The key by which endpoints are marked with the backends that they belong to.
BACKEND = "backend"

_TYPE = "type.googleapis.com/envoy."
_RESPONSE_CODES = {301: "MOVED_PERMANENTLY", 302: "FOUND", 303: "SEE_OTHER",
                   307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT"}  # fmt: skip
_DEFAULT_PORTS = {"http": 80, "https": 443}
# All of these happen before the backend saw the request, so trying another endpoint is safe. They
# hide the moment between the end of a Pod and the news of it.
_RETRY_ON = "connect-failure,refused-stream,reset-before-request"
_REFUSED = "A policy or filter of this route cannot be carried out; its status says why.\n"


def route_configuration(name: str, hosts: Iterable[VirtualHost], *, host_port: int) -> Resource:
    """The routes of one listener, which is reached on `host_port`."""
    return {
        "@type": f"{_TYPE}config.route.v3.RouteConfiguration",
        "name": name,
        # Host headers carry the port; applications behind the gateway should see it.
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [_virtual_host(each, host_port) for each in hosts],
    }


def _virtual_host(host: VirtualHost, host_port: int) -> Resource:
    found = [_with_port(route, host_port) for route in host.routes]
    return {
        "name": host.hostname,
        "domains": [host.hostname],
        "routes": [route for each in found for route in _routes(each)],
    }


def _with_port(route: Route, host_port: int) -> Route:
    """A redirect without a port means that of its scheme, else that of the listener."""
    change = route.redirect
    if change is None or change.port or not (change.hostname or change.scheme):
        return route
    port = _DEFAULT_PORTS.get(change.scheme or "", host_port)
    return replace(route, redirect=replace(change, port=port))


def _routes(route: Route) -> list[Resource]:
    """One route; two where the root of a prefix must be rewritten otherwise than what is below."""
    target = route.redirect or route.rewrite
    prefix = target.prefix if target else None
    matched = route.match.path
    if prefix is None or matched.type is not PathType.PREFIX:
        return [_route(route, _match(route.match), prefix)]
    base = matched.value.rstrip("/")
    replacement = prefix.rstrip("/")
    if not base:
        # "/" is a prefix of everything: what is replaced is only the slash.
        return [_route(route, _match(route.match), replacement + "/")]
    if replacement:
        return [_route(route, _match(route.match), replacement)]
    # "/base" becomes "/", "/base/x" becomes "/x": two substitutions.
    exact = {**_match(route.match, path=False), "path": base}
    below = {**_match(route.match, path=False), "prefix": f"{base}/"}
    return [_route(route, exact, "/"), _route(route, below, "/")]


def _route(route: Route, match: Resource, prefix: str | None) -> Resource:
    made: Resource = {"name": route.name, "match": match}
    if route.refusal:
        made["direct_response"] = {"status": 500, "body": {"inline_string": _REFUSED}}
    elif route.redirect is not None:
        made["redirect"] = _redirect(route.redirect, match, prefix)
    elif not any(each.backend and each.weight > 0 for each in route.backends):
        made["direct_response"] = {"status": 500}
    else:
        made["route"] = _action(route, match, prefix)
    made |= _header_changes(route.request_headers, "request")
    made |= _header_changes(route.response_headers, "response")
    switched = xds_guards.per_route(route)
    if route.cors is not None:
        switched[CORS] = _cors(route.cors)
    if route.session is not None:
        switched[SESSION] = xds_sessions.per_route(route.session)
    if switched:
        made["typed_per_filter_config"] = switched
    return made


def _match(match: Match, *, path: bool = True) -> Resource:
    made: Resource = _path(match) if path else {}
    headers = [_header(each) for each in match.headers]
    if match.method:
        headers.append(_header(ValueMatch(":method", match.method)))
    if headers:
        made["headers"] = headers
    if match.query:
        made["query_parameters"] = [
            {"name": each.name, "string_match": _string_match(each)} for each in match.query
        ]
    return made


def _path(match: Match) -> Resource:
    value = match.path.value
    match match.path.type:
        case PathType.EXACT:
            return {"path": value}
        case PathType.REGEX:
            return {"safe_regex": {"regex": value}}
    base = value.rstrip("/")
    # Envoy's separated prefix matches whole segments, and may not be the root.
    return {"path_separated_prefix": base} if base else {"prefix": "/"}


def _header(each: ValueMatch) -> Resource:
    return {"name": each.name, "string_match": _string_match(each)}


def _string_match(each: ValueMatch) -> Resource:
    return {"safe_regex": {"regex": each.value}} if each.regex else {"exact": each.value}


def _action(route: Route, match: Resource, prefix: str | None) -> Resource:
    made = _clusters(route)
    made |= _rewrite(route.rewrite, match, prefix)
    made["timeout"] = _seconds(route.request_timeout)
    if route.idle_timeout is not None:
        made["idle_timeout"] = _seconds(route.idle_timeout)
    made["retry_policy"] = _retries(route.retry)
    if route.backend_timeout is not None:
        made["retry_policy"]["per_try_timeout"] = _seconds(route.backend_timeout)
    if route.mirrors:
        made["request_mirror_policies"] = [_mirror(each) for each in route.mirrors]
    return made


def _retries(wanted: Retry | None) -> Resource:
    other_host = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3"
    predicate = {"@type": f"{other_host}.PreviousHostsPredicate"}
    made: Resource = {
        "retry_on": _RETRY_ON,
        "num_retries": 3,
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": predicate}
        ],
        "host_selection_retry_max_attempts": 3,
        "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
    }
    return made if wanted is None else made | _asked_retries(wanted)


def _asked_retries(wanted: Retry) -> Resource:
    named = [_RETRY_ON, *(each for each in wanted.conditions if each)]
    if wanted.codes:
        named.append("retriable-status-codes")
    made: Resource = {"retry_on": ",".join(named), "num_retries": wanted.attempts}
    if wanted.codes:
        made["retriable_status_codes"] = list(wanted.codes)
    if wanted.try_timeout is not None:
        made["per_try_timeout"] = _seconds(wanted.try_timeout)
    if wanted.base_interval:
        most = max(wanted.max_interval or 10 * wanted.base_interval, wanted.base_interval)
        made["retry_back_off"] = {
            "base_interval": _seconds(max(wanted.base_interval, 0.001)),
            "max_interval": _seconds(max(most, 0.001)),
        }
    return made


def _seconds(value: float | None) -> str:
    """A duration; zero, which is Envoy's "none", for no limit."""
    return f"{value or 0:.3f}s"


def _clusters(route: Route) -> Resource:
    if route.session is not None and route.session.joined:
        return {"cluster": joined_cluster_name(Joined.of(route))}
    used = [each for each in route.backends if each.weight > 0]
    only = used[0].backend if len(used) == 1 else None
    if only and not used[0].changes_headers:
        return _target(route, only)
    return {
        "weighted_clusters": {"clusters": [_weighted(each, route) for each in used]},
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
    }


def _target(route: Route, backend: Backend) -> Resource:
    # Sessions name instances by address: in the shared cluster a client could ask for any.
    if route.limits is None and route.session is None:
        return target(backend)
    return {"cluster": own_cluster_name(backend, route.limits)}


def joined_cluster_name(found: Joined) -> str:
    """The cluster of several backends with weights."""
    names = [f"{own_cluster_name(one, found.limits)}*{weight}" for one, weight in found.shares]
    return " + ".join(names)


def own_cluster_name(backend: Backend, limits: Limits | None) -> str:
    """The cluster that a backend has for itself, with each set of limits another."""
    if limits is None:
        return str(backend.key)
    numbers = (limits.connections, limits.pending, limits.requests, limits.retries)
    return " ".join((str(backend.key), *("-" if each is None else str(each) for each in numbers)))


def target(backend: Backend) -> Resource:
    """The cluster of a backend's protocol, and the subset of its endpoints."""
    return {"cluster": backend.protocol.value, "metadata_match": subset(str(backend.key))}


def subset(names: str | list[str]) -> Resource:
    """Metadata by which endpoints and routes name backends."""
    return {"filter_metadata": {"envoy.lb": {BACKEND: names}}}


def _weighted(each: WeightedBackend, route: Route) -> Resource:
    # A cluster that never exists answers the share of a backend that cannot be used.
    made: Resource = {"name": "none", "weight": each.weight}
    if each.backend:
        found = _target(route, each.backend)
        made["name"] = found.pop("cluster")
        made |= found
    made |= _header_changes(each.request_headers, "request")
    made |= _header_changes(each.response_headers, "response")
    return made


def _rewrite(rewrite: Rewrite | None, match: Resource, prefix: str | None) -> Resource:
    if rewrite is None:
        return {}
    made: Resource = {}
    if rewrite.hostname is not None:
        made["host_rewrite_literal"] = rewrite.hostname
    if rewrite.full_path is not None:
        made["regex_rewrite"] = _whole_path(rewrite.full_path)
    elif rewrite.pattern is not None:
        made["regex_rewrite"] = {
            "pattern": {"regex": rewrite.pattern},
            "substitution": rewrite.substitution,
        }
    elif prefix is not None:
        made["prefix_rewrite"] = prefix
    return made


def _whole_path(path: str) -> Resource:
    # Envoy replaces what the pattern finds in the path without the query.
    return {"pattern": {"regex": "^/.*$"}, "substitution": path.replace("\\", "\\\\")}


def _redirect(redirect: Redirect, match: Resource, prefix: str | None) -> Resource:
    made: Resource = {"response_code": _RESPONSE_CODES.get(redirect.status, "FOUND")}
    if redirect.scheme:
        made["scheme_redirect"] = redirect.scheme
    if redirect.hostname:
        made["host_redirect"] = redirect.hostname
    if redirect.port:
        made["port_redirect"] = redirect.port
    if redirect.full_path is not None:
        made["path_redirect"] = redirect.full_path
    elif prefix is not None:
        made["prefix_rewrite"] = prefix
    return made


def _mirror(mirror: Mirror) -> Resource:
    made: Resource = {"cluster": str(mirror.backend.key)}
    if mirror.numerator != mirror.denominator:
        share = round(1_000_000 * mirror.numerator / mirror.denominator)
        made["runtime_fraction"] = {"default_value": {"numerator": share, "denominator": "MILLION"}}
    return made


def _header_changes(change: HeaderChange, what: str) -> Resource:
    made: Resource = {}
    added = [_header_value(pair, "OVERWRITE_IF_EXISTS_OR_ADD") for pair in change.set]
    added += [_header_value(pair, "APPEND_IF_EXISTS_OR_ADD") for pair in change.add]
    if added:
        made[f"{what}_headers_to_add"] = added
    if change.remove:
        made[f"{what}_headers_to_remove"] = list(change.remove)
    return made


def _header_value(pair: tuple[str, str], action: str) -> Resource:
    name, value = pair
    # A percent sign starts a command of Envoy's access log format.
    header = {"key": name, "value": value.replace("%", "%%")}
    return {"header": header, "append_action": action}


def _cors(cors: Cors) -> Resource:
    made: Resource = {
        "@type": f"{_TYPE}extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [_origin(each) for each in cors.origins],
        "allow_credentials": cors.credentials,
        "forward_not_matching_preflights": False,
    }
    for field, values in (
        ("allow_methods", cors.methods),
        ("allow_headers", cors.headers),
        ("expose_headers", cors.exposed),
    ):
        if values:
            made[field] = ", ".join(values)
    if cors.max_age_seconds is not None:
        made["max_age"] = str(cors.max_age_seconds)
    return made


def _origin(origin: str) -> Resource:
    if origin == "*":
        return {"safe_regex": {"regex": ".*"}}
    if "*" in origin:
        pattern = re2.escape(origin).replace("\\*", ".*")
        return {"safe_regex": {"regex": pattern}}
    return {"exact": origin}
