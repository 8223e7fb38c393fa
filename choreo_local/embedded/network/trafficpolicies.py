"""TrafficPolicies of kgateway → effects on routes. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.embedded.network import (
    acceptable,
    durations,
    effects,
    filters,
    guards,
    jwtproviders,
)
from choreo_local.embedded.network.effects import Effect, HeaderChanges, Reading
from choreo_local.embedded.network.guards import Refused
from choreo_local.embedded.network.references import Manifest, World
from choreo_local.embedded.network.table import HeaderChange, Rewrite

_TARGETS = ("targetRefs", "targetSelectors")
# Without these a request comes no further than with them. All others, unknown ones too, could keep
# somebody out, so a route that asks for one that is not carried out answers nobody.
_HARMLESS = frozenset(
    {
        "autoHostRewrite",
        "compression",
        "faultInjection",
        "hashPolicies",
        "internalRedirect",
        "statPrefix",
        "tracing",
        "transformation",
    }
)
_BACK_OFF_SECONDS = 0.025
_MOST_RETRIES = 100


def read(world: World, policy: Manifest) -> Reading:
    """What a TrafficPolicy says."""
    reading = Reading()
    for name, value in policy["spec"].items():
        reader = _READERS.get(name)
        if name in _TARGETS or value is None:
            continue
        if reader is None:
            _leave_out(reading, name)
            continue
        try:
            effect = reader(world, policy, value, reading)
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
            # The schema leaves most fields open.
            effect = Refused(f'field "{name}" has a form that cannot be read')
        reading.effects[_FIELDS.get(name, name)] = effect
    return reading


def _leave_out(reading: Reading, name: str) -> None:
    if name in _HARMLESS:
        reading.ignored.append(name)
    else:
        reading.effects[name] = Refused(f'field "{name}" is not carried out here')


def _jwt(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    if "disable" in value:
        return guards.Off.OFF
    reference: Manifest = value["extensionRef"]
    namespace = reference.get("namespace") or policy["metadata"]["namespace"]
    extension = world.extensions.get((namespace, reference["name"]))
    if extension is None:
        return Refused(f"GatewayExtension {namespace}/{reference['name']} does not exist")
    found = jwtproviders.of_extension(world, extension, reading)
    if isinstance(found, Refused):
        return found
    mode = extension["spec"]["jwt"].get("validationMode") or "Strict"
    name = effects.policy_name(extension)
    return guards.Jwt(name, found, optional=mode == "AllowMissing")


def _basic(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    if "disable" in value:
        return guards.Off.OFF
    lines = list(value.get("users") or ())
    reference = value.get("secretRef")
    if reference:
        data = effects.secret_data(world, policy, reference, reading)
        if isinstance(data, Refused):
            return data
        lines.append(data.get(reference.get("key") or ".htpasswd", ""))
    return effects.htpasswd("\n".join(lines))


def _api_keys(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    if "disable" in value:
        return guards.Off.OFF
    if not value.get("secretRef"):
        return Refused("API keys are taken from a secretRef only")
    data = effects.secret_data(world, policy, value["secretRef"], reading)
    if isinstance(data, Refused):
        return data
    sources = [
        (kind, each[kind])
        for each in value.get("keySources") or ({"header": "api-key"},)
        for kind in ("header", "query", "cookie")
        if each.get(kind)
    ]
    header, forward = value.get("clientIdHeader") or "", bool(value.get("forwardCredential"))
    return api_keys(data, tuple(sources), header=header, forward=forward)


def api_keys(
    data: Mapping[str, str], sources: tuple[tuple[str, str], ...], *, header: str, forward: bool
) -> guards.ApiKeys | Refused:
    """Keys of clients, as a Secret has them."""
    clients = tuple(sorted((client, key.strip()) for client, key in data.items() if key.strip()))
    if not clients or len({key for _, key in clients}) != len(clients):
        return Refused("the Secret must hold API keys, each only once")
    names = [name for kind, name in sources if kind == "header"] + [header] * bool(header)
    if fault := acceptable.headers_fault((), names):
        return Refused(fault)
    return guards.ApiKeys(clients, sources, header, forward)


def _rate(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    if value.get("global"):
        return Refused("a global rate limit needs a service that is not run here")
    local: Manifest = value.get("local") or {}
    bucket = local.get("tokenBucket")
    if not bucket:
        return guards.Off.OFF
    for share in ("percentEnabled", "percentEnforced"):
        if int(local.get(share, 100)) != 100:
            return Refused(f'"{share}" other than 100 is not carried out')
    fill = durations.go_seconds(bucket["fillInterval"])
    tokens, per_fill = int(bucket["maxTokens"]), int(bucket.get("tokensPerFill") or 1)
    # Envoy's own lower bound.
    in_range = all(0 < each <= acceptable.LARGEST_NUMBER for each in (tokens, per_fill))
    if fill is None or fill < 0.05 or not in_range:
        return Refused("the token bucket needs maxTokens and a fillInterval of 50ms or more")
    return guards.RateLimit(tokens, per_fill, fill)


def _cors(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    return guards.Off.OFF if "disable" in value else filters.cors(value)


def _headers(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    changes: list[HeaderChange] = []
    for direction in ("request", "response"):
        change: Manifest = value.get(direction) or {}
        entries = [*(change.get("set") or ()), *(change.get("add") or ())]
        if any("value" not in each for each in entries):
            return Refused("header values are taken from the policy itself only")
        found = filters.headers(change)
        if fault := acceptable.headers_fault((*found.set, *found.add), found.remove):
            return Refused(fault)
        changes.append(found)
    return HeaderChanges(*changes)


def _timeouts(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    request, idle = value.get("request"), value.get("streamIdle")
    found = guards.Timeouts(durations.go_seconds(request), durations.go_seconds(idle))
    if (request and found.request is None) or (idle and found.idle is None):
        reading.problem = "timeouts cannot be read"
    return found


def _retry(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    base = durations.go_seconds(value.get("backoffBaseInterval")) or _BACK_OFF_SECONDS
    attempts = value.get("attempts")
    return guards.Retry(
        attempts=max(0, min(1 if attempts is None else int(attempts), _MOST_RETRIES)),
        conditions=tuple(str(each) for each in value.get("retryOn") or ()),
        codes=retried_codes(value.get("statusCodes")),
        try_timeout=durations.go_seconds(value.get("perTryTimeout")),
        base_interval=base,
        max_interval=10 * base,
    )


def retried_codes(codes: Iterable[int] | None) -> tuple[int, ...]:
    """Those that are statuses of failures at all."""
    return tuple(int(each) for each in codes or () if 400 <= int(each) <= 599)


def _buffer(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    if "disable" in value:
        return guards.Off.OFF
    size = quantity.parse(value["maxRequestSize"]).to_int()
    return guards.Buffer(size) if 0 < size < 1 << 32 else Refused("maxRequestSize is out of range")


def _rewrite(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    pattern = value["pathRegex"]["pattern"]
    substitution = value["pathRegex"].get("substitution", "")
    if fault := acceptable.substitution_fault(pattern, substitution):
        # With the path as it is, another part of the backend would answer.
        return Refused(fault)
    return Rewrite(pattern=pattern, substitution=substitution)


def _acl(world: World, policy: Manifest, value: Manifest, reading: Reading) -> Effect:
    rules: list[tuple[int, guards.Rule]] = []
    for each in value.get("rules") or ():
        for text in each["cidrs"]:
            network = ipaddress.ip_network(text, strict=False)
            rule = guards.Rule(each["action"] == "allow", cidrs=(str(network),))
            rules.append((-network.prefixlen, rule))
    if value.get("denyResponse"):
        reading.ignored.append("acl.denyResponse")
    # The longest prefix decides, whatever the order.
    ordered = tuple(rule for _, rule in sorted(rules, key=lambda pair: pair[0]))
    return guards.Access(ordered, allow=value["defaultAction"] == "allow")


_Reader = Callable[[World, Manifest, Any, Reading], Effect]
_READERS: Mapping[str, _Reader] = {
    "acl": _acl,
    "apiKeyAuth": _api_keys,
    "basicAuth": _basic,
    "buffer": _buffer,
    "cors": _cors,
    "headerModifiers": _headers,
    "jwt": _jwt,
    "jwtAuth": _jwt,
    "rateLimit": _rate,
    "retry": _retry,
    "timeouts": _timeouts,
    "urlRewrite": _rewrite,
}
# Where the name of the field is not that of the effect.
_FIELDS = {"acl": "access", "jwtAuth": "jwt"}
