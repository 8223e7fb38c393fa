"""Guards of routes as Envoy's HTTP filters, and clusters for the keys of issuers. Pure.

A filter stands in the chain of a port only where a route of it needs one, and is off for all routes
that do not switch it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any
from urllib.parse import urlsplit

from choreo_local.embedded.network.guards import (
    Access,
    ApiKeys,
    BasicAuth,
    Guards,
    Jwt,
    JwtProvider,
    RateLimit,
    RemoteKeys,
    Rule,
)
from choreo_local.embedded.network.table import BackendKey, Route, VirtualHost

Resource = dict[str, Any]

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http."
_BASIC, _KEYS = "envoy.filters.http.basic_auth", "envoy.filters.http.api_key_auth"
_JWT, _RBAC = "envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"
_RATE, _BUFFER = "envoy.filters.http.local_ratelimit", "envoy.filters.http.buffer"
_FETCH_TIMEOUT = "5s"
# A well-formed user whom no password fits, for the form's sake: the filter is off without a route.
_NOBODY = "nobody:{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


def _typed(name: str, content: Mapping[str, Any]) -> Resource:
    return {"@type": f"{_FILTERS}{name}", **content}


def http_filters(hosts: Iterable[VirtualHost]) -> list[Resource]:
    """All filters, in the order in which requests pass; only those for tokens depend on routes."""
    found = [route.guards.jwt for host in hosts for route in host.routes]
    tokens = {each.name: each for each in found if each}
    chain = (
        (_BASIC, _typed("basic_auth.v3.BasicAuth", {"users": {"inline_string": _NOBODY}})),
        (_KEYS, _typed("api_key_auth.v3.ApiKeyAuth", {})),
        (_JWT, _jwt([tokens[name] for name in sorted(tokens)])),
        (_RBAC, _typed("rbac.v3.RBAC", {})),
        (_RATE, _typed("local_ratelimit.v3.LocalRateLimit", {"stat_prefix": "rate_limit"})),
        (_BUFFER, _typed("buffer.v3.Buffer", {"max_request_bytes": 1 << 20})),
    )
    return [{"name": name, "typed_config": config, "disabled": True} for name, config in chain]


def per_route(route: Route) -> Resource:
    """What switches filters on for a route."""
    found: Guards = route.guards
    made: Resource = {}
    if found.basic:
        made[_BASIC] = _basic(found.basic)
    if found.api_keys:
        made[_KEYS] = _api_keys(found.api_keys)
    if found.jwt:
        requirement = {"requirement_name": found.jwt.name}
        made[_JWT] = _typed("jwt_authn.v3.PerRouteConfig", requirement)
    if found.access:
        made[_RBAC] = _typed("rbac.v3.RBACPerRoute", {"rbac": {"rules": access(found.access)}})
    if found.rate:
        made[_RATE] = _rate(found.rate)
    if found.buffer:
        most = {"buffer": {"max_request_bytes": found.buffer.size}}
        made[_BUFFER] = _typed("buffer.v3.BufferPerRoute", most)
    return made


def _basic(found: BasicAuth) -> Resource:
    users = {"users": {"inline_string": found.users}}
    return _typed("basic_auth.v3.BasicAuthPerRoute", users)


def _api_keys(found: ApiKeys) -> Resource:
    content: Resource = {
        "credentials": [{"key": key, "client": client} for client, key in found.clients],
        "key_sources": [{kind: name} for kind, name in found.sources],
        "forwarding": {"header": found.header, "hide_credentials": not found.forward},
    }
    return _typed("api_key_auth.v3.ApiKeyAuthPerRoute", content)


def _rate(found: RateLimit) -> Resource:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {
        "max_tokens": found.tokens,
        "tokens_per_fill": found.per_fill,
        "fill_interval": f"{found.fill_seconds:.3f}s",
    }
    content = {
        "stat_prefix": "rate_limit",
        "token_bucket": bucket,
        "filter_enabled": always,
        "filter_enforced": always,
    }
    return _typed("local_ratelimit.v3.LocalRateLimit", content)


def _jwt(required: Iterable[Jwt]) -> Resource:
    providers: Resource = {}
    requirements: Resource = {}
    for jwt in required:
        names = [f"{jwt.name}/{each.name}" for each in jwt.providers]
        providers |= dict(zip(names, map(_provider, names, jwt.providers), strict=True))
        any_of: list[Resource] = [{"provider_name": name} for name in names]
        if jwt.optional:
            any_of.append({"allow_missing": {}})
        only = any_of[0] if len(any_of) == 1 else {"requires_any": {"requirements": any_of}}
        requirements[jwt.name] = only
    content = {"providers": providers, "requirement_map": requirements}
    return _typed("jwt_authn.v3.JwtAuthentication", content)


def _provider(name: str, found: JwtProvider) -> Resource:
    made: Resource = {
        "forward": found.forward,
        "payload_in_metadata": name,
        # A scope is one text with spaces between; rules ask for single ones.
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
        "claim_to_headers": [
            {"claim_name": claim, "header_name": header} for claim, header in found.claims
        ],
    }
    for field, value in (
        ("issuer", found.issuer),
        ("audiences", list(found.audiences)),
        ("from_headers", [{"name": one, "value_prefix": two} for one, two in found.headers]),
        ("from_params", list(found.parameters)),
        ("from_cookies", list(found.cookies)),
    ):
        if value:
            made[field] = value
    if found.remote is not None:
        made["remote_jwks"] = {
            "http_uri": {
                "uri": found.remote.url,
                "cluster": keys_cluster_name(found.remote),
                "timeout": _FETCH_TIMEOUT,
            },
            "cache_duration": f"{found.remote.cache_seconds:.3f}s",
        }
    else:
        made["local_jwks"] = {"inline_string": found.keys}
    return made


def keys_cluster_name(source: RemoteKeys) -> str:
    """The cluster of the server that has the keys."""
    if source.service:
        return str(BackendKey(*source.service))
    scheme, host, port = address_of(source)
    return f"keys {scheme} {host}:{port}"


def address_of(source: RemoteKeys) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = urlsplit(source.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


def access(found: Access) -> Resource:
    """Rules of which the first that fits decides, as one condition on who may pass."""
    start: Resource = {"any": True} if found.allow else {"not_id": {"any": True}}
    principal = reduce(_before, reversed(found.rules), start)
    policy = {"permissions": [{"any": True}], "principals": [principal]}
    return {"action": "ALLOW", "policies": {"rules": policy}}


def _before(rest: Resource, rule: Rule) -> Resource:
    fits = _fits(rule)
    if rule.allow:
        return {"or_ids": {"ids": [fits, rest]}}
    return {"and_ids": {"ids": [{"not_id": fits}, rest]}}


def _fits(rule: Rule) -> Resource:
    conditions: list[Resource] = []
    if rule.cidrs:
        conditions.append(_any(_range(each) for each in rule.cidrs))
    conditions += [_claim(rule.provider, ("scope",), (each,)) for each in rule.scopes]
    conditions += [_claim(rule.provider, each.path, each.values) for each in rule.claims]
    if rule.provider and not rule.scopes and not rule.claims:
        conditions.append(_token(rule.provider))
    if rule.methods:
        conditions.append(_any(_header(":method", each) for each in rule.methods))
    for name, values in rule.headers:
        conditions.append(_any(_header(name, each) for each in values))
    return {"and_ids": {"ids": conditions}} if conditions else {"any": True}


def _any(found: Iterable[Resource]) -> Resource:
    return {"or_ids": {"ids": list(found)}}


def _range(cidr: str) -> Resource:
    address, _, length = cidr.partition("/")
    return {"remote_ip": {"address_prefix": address, "prefix_len": int(length)}}


def _header(name: str, value: str) -> Resource:
    return {"header": {"name": name, "string_match": {"exact": value}}}


def _claim(provider: str, path: tuple[str, ...], values: tuple[str, ...]) -> Resource:
    """A claim that is one of the values, or a list with one of them."""
    keys = [{"key": each} for each in (provider, *path)]

    def is_(value: str) -> list[Resource]:
        text = {"string_match": {"exact": value}}
        matches = (text, {"list_match": {"one_of": text}})
        return [{"metadata": {"filter": _JWT, "path": keys, "value": each}} for each in matches]

    return _any(one for value in values for one in is_(value))


def _token(provider: str) -> Resource:
    """A verified token of the provider, whatever it says."""
    found = {"filter": _JWT, "path": [{"key": provider}], "value": {"present_match": True}}
    return {"metadata": found}
