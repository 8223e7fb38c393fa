"""SecurityPolicies and BackendTrafficPolicies of Envoy Gateway → effects on routes. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.network import (
    acceptable,
    durations,
    effects,
    filters,
    guards,
    jwtproviders,
)
from choreo_local.embedded.network.effects import Effect, Reading
from choreo_local.embedded.network.guards import Claim, Refused, Rule
from choreo_local.embedded.network.references import Manifest, World
from choreo_local.embedded.network.trafficpolicies import api_keys, retried_codes

_TARGETS = ("targetRef", "targetRefs", "targetSelectors")
# Of BackendTrafficPolicies: what is about speed and health only.
_HARMLESS = frozenset(
    {
        "compression",
        "compressor",
        "connection",
        "dns",
        "faultInjection",
        "healthCheck",
        "http2",
        "httpUpgrade",
        "loadBalancer",
        "mergeType",
        "proxyProtocol",
        "requestBuffer",
        "responseOverride",
        "routingType",
        "tcpKeepalive",
        "telemetry",
        "useClientProtocol",
    }
)
_UNIT_SECONDS = {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0, "Day": 86400.0}


def read(world: World, policy: Manifest) -> Reading:
    """What a policy of either kind says."""
    reading = Reading()
    readers = _SECURITY if policy["kind"] == "SecurityPolicy" else _TRAFFIC
    for name, value in policy["spec"].items():
        if name in _TARGETS or value is None:
            continue
        reader = readers.get(name)
        if reader is None and policy["kind"] == "BackendTrafficPolicy" and name in _HARMLESS:
            reading.ignored.append(name)
            continue
        field = _FIELDS.get(name, name)
        if reader is None:
            reading.effects[field] = Refused(f'field "{name}" is not carried out here')
            continue
        try:
            reading.effects[field] = reader(world, policy, value, reading)
        except (AttributeError, KeyError, TypeError, ValueError):
            message = f'field "{name}" has a form that cannot be read'
            reading.effects[field] = Refused(message)
    return reading


def _jwt(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    found = jwtproviders.of_security_policy(world, policy, reading)
    if isinstance(found, Refused):
        return found
    return guards.Jwt(effects.policy_name(policy), found, optional=bool(value.get("optional")))


def _cors(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    max_age = value.get("maxAge")
    seconds = durations.go_seconds(max_age) if isinstance(max_age, str) else max_age
    return filters.cors({**value, "maxAge": seconds})


def _basic(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    data = effects.secret_data(world, policy, value["users"], reading)
    if isinstance(data, Refused):
        return data
    if value.get("forwardUsernameHeader"):
        reading.ignored.append("basicAuth.forwardUsernameHeader")
    return effects.htpasswd(data.get(".htpasswd", ""))


def _api_keys(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    keys: dict[str, str] = {}
    for reference in value["credentialRefs"]:
        data = effects.secret_data(world, policy, reference, reading)
        if isinstance(data, Refused):
            return data
        keys |= data
    kinds = (("headers", "header"), ("params", "query"), ("cookies", "cookie"))
    sources = tuple(
        (kind, name)
        for each in value["extractFrom"]
        for part, kind in kinds
        for name in each.get(part) or ()
    )
    header = value.get("forwardClientIDHeader") or ""
    return api_keys(keys, sources, header=header, forward=not value.get("sanitize"))


def _access(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    rules: list[Rule] = []
    for entry in value.get("rules") or ():
        rule = _rule(effects.policy_name(policy), entry)
        if isinstance(rule, Refused):
            return rule
        rules.append(rule)
    if any(each.provider for each in rules) and not policy["spec"].get("jwt"):
        return Refused("rules about tokens need a provider of tokens in the same policy")
    return guards.Access(tuple(rules), allow=value.get("defaultAction") == "Allow")


def _rule(policy: str, entry: Manifest) -> Rule | Refused:
    principal: Manifest = entry.get("principal") or {}
    operation: Manifest = entry.get("operation") or {}
    unknown = (set(principal) - {"clientCIDRs", "jwt", "headers"}) | (set(operation) - {"methods"})
    if unknown:
        return Refused(f"authorization by {', '.join(sorted(unknown))} is not carried out")
    jwt: Manifest = principal.get("jwt") or {}
    names = [each["name"] for each in principal.get("headers") or ()]
    if fault := acceptable.headers_fault((), names):
        return Refused(fault)
    return Rule(
        allow=entry["action"] == "Allow",
        cidrs=tuple(
            str(ipaddress.ip_network(each, strict=False))
            for each in principal.get("clientCIDRs") or ()
        ),
        provider=f"{policy}/{jwt['provider']}" if jwt else "",
        scopes=tuple(jwt.get("scopes") or ()),
        claims=tuple(
            Claim(
                tuple(each["name"].split(".")),
                tuple(each["values"]),
                is_list=each.get("valueType") == "StringArray",
            )
            for each in jwt.get("claims") or ()
        ),
        methods=tuple(operation.get("methods") or ()),
        headers=tuple(
            (each["name"], tuple(each["values"])) for each in principal.get("headers") or ()
        ),
    )


def _rate(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    rules: Sequence[Manifest] = (value.get("local") or {}).get("rules") or ()
    if value.get("global") or value.get("type", "Local") != "Local":
        return Refused("a global rate limit needs a service that is not run here")
    if len(rules) != 1 or rules[0].get("clientSelectors"):
        return Refused("only one rule for all clients is carried out")
    limit = rules[0]["limit"]
    requests = int(limit["requests"])
    if not 0 < requests <= acceptable.LARGEST_NUMBER:
        return Refused("the number of requests is out of range")
    return guards.RateLimit(requests, requests, _UNIT_SECONDS[limit["unit"]])


def _retry(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    retry_on: Manifest = value.get("retryOn") or {}
    each_try: Manifest = value.get("perRetry") or {}
    back_off: Manifest = each_try.get("backOff") or {}
    attempts = value.get("numRetries")
    return guards.Retry(
        attempts=max(0, min(2 if attempts is None else int(attempts), 100)),
        conditions=tuple(str(each) for each in retry_on.get("triggers") or ()),
        codes=retried_codes(retry_on.get("httpStatusCodes")),
        try_timeout=durations.go_seconds(each_try.get("timeout")),
        base_interval=durations.go_seconds(back_off.get("baseInterval")),
        max_interval=durations.go_seconds(back_off.get("maxInterval")),
    )


def _timeouts(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    http: Manifest = value.get("http") or {}
    ignored = [f"timeout.http.{each}" for each in http if each != "requestTimeout"]
    reading.ignored += ignored + [f"timeout.{each}" for each in value if each != "http"]
    return guards.Timeouts(durations.go_seconds(http.get("requestTimeout")))


def _limits(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    def number(name: str) -> int | None:
        if value.get(name) is None:
            return None
        return max(0, min(int(value[name]), acceptable.LARGEST_NUMBER))

    return guards.Limits(
        connections=number("maxConnections"),
        pending=number("maxPendingRequests"),
        requests=number("maxParallelRequests"),
        retries=number("maxParallelRetries"),
    )


_Reader = Callable[[World, Manifest, Any, Reading], Effect]
_SECURITY: Mapping[str, _Reader] = {
    "apiKeyAuth": _api_keys,
    "authorization": _access,
    "basicAuth": _basic,
    "cors": _cors,
    "jwt": _jwt,
}
_TRAFFIC: Mapping[str, _Reader] = {
    "circuitBreaker": _limits,
    "rateLimit": _rate,
    "retry": _retry,
    "timeout": _timeouts,
}
_FIELDS = {"authorization": "access", "timeout": "timeouts"}
