"""Policies of gateways as clients meet them, with real tokens and a real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from choreo_local.embedded.network import policy_status, routes
from choreo_local.embedded.network.datapath import Addresses
from choreo_local.embedded.network.proxy import InProcessProxy
from choreo_local.embedded.network.table import (
    Match,
    PathMatch,
    PathType,
    RouteTable,
    VirtualHost,
)
from tests.embedded.network.gatewayobjects import (
    CONTROLLER,
    gateway,
    listener,
    prefix,
    route,
    rule,
    world,
)
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.policyobjects import (
    ISSUER,
    KEYS,
    OTHER_KEY,
    basic,
    extension,
    policy,
    secret,
    sha,
    target,
    token,
    traffic,
)
from tests.embedded.network.test_datapaths import HOST, Client, Upstream, free_port, serve

NOW = datetime(2030, 1, 1, tzinfo=UTC)
REFERENCE = {"extensionRef": {"name": "tokens"}}


class Gateway:
    """A live gateway that is told of policies."""

    def __init__(self, live: LiveGateway) -> None:
        self.path = live.path
        self.client = live.client
        self.upstream = live.upstream
        self.status = live.status
        self._live = live

    async def serve(self, *policies: dict[str, Any], **more: Any) -> None:
        await self._live.serve(table(*policies, **more))


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with live_gateway(tmp_path) as live:
        yield Gateway(live)


def table(*policies: dict[str, Any], rules: tuple[Any, ...] = (), **more: Any) -> RouteTable:
    return build(*policies, rules=rules, **more).table


def build(*policies: dict[str, Any], rules: tuple[Any, ...] = (), **more: Any) -> routes.Built:
    extensions = [each for each in policies if each["kind"] == "GatewayExtension"]
    filters = [each for each in policies if each["kind"] == "HTTPRouteFilter"]
    secrets = more.pop("secrets", [])
    return routes.build(
        world(
            route(*rules, hostnames=(HOST,)),
            policies=[each for each in policies if each not in extensions and each not in filters],
            extensions=_by_key(extensions),
            route_filters=_by_key(filters),
            secrets=_by_key(secrets),
            config_maps=_by_key(more.pop("config_maps", [])),
            **more,
        )
    )


def _by_key(objects: Any) -> dict[tuple[str, str], Any]:
    return {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in objects}


NOT_CARRIED_OUT: list[tuple[str, Any]] = [
    ("extAuth", {"extensionRef": {"name": "checker"}}),
    ("extProc", {"extensionRef": {"name": "checker"}}),
    ("rbac", {"policy": {"matchExpressions": ["true"]}}),
    ("oauth2", {"extensionRef": {"name": "login"}}),
    ("csrf", {"percentageEnabled": 100}),
    ("jwtAuth", {"extensionRef": {"name": "missing"}}),
    ("jwtAuth", "nonsense"),
    ("basicAuth", {"users": ["ann:secret"]}),
    ("basicAuth", {"secretRef": {"name": "missing"}}),
    ("rateLimit", {"global": {"descriptors": [], "extensionRef": {"name": "limits"}}}),
    ("rateLimit", {"local": {"tokenBucket": {"maxTokens": 1, "fillInterval": "soon"}}}),
    ("jwtauth", {"a": "field that nobody knows"}),
]


@pytest.mark.parametrize(("field", "value"), NOT_CARRIED_OUT)
def test_route_answers_500_when_what_keeps_others_out_is_not_carried_out(
    field: str, value: Any
) -> None:
    (only,) = table(traffic(**{field: value})).routes()

    assert only.refusal


@pytest.mark.parametrize("kind", ["SecurityPolicy", "BackendTrafficPolicy"])
def test_unknown_field_of_a_policy_of_envoy_gateway_closes_the_route(kind: str) -> None:
    (only,) = table(policy(kind, {"somethingNew": {}})).routes()

    assert only.refusal == 'field "somethingNew" is not carried out here'


async def test_refused_route_answers_500_and_its_neighbours_go_on(gate: Gateway) -> None:
    rules = (rule(prefix("/open")), rule(prefix("/closed"), name="closed"))
    closed = policy("TrafficPolicy", {"extAuth": {}}, to=target(sectionName="closed"))

    await gate.serve(closed, rules=rules)

    assert await gate.status(path="/open") == 200
    assert await gate.status(path="/closed") == 500


async def test_proxy_in_this_process_serves_nothing_that_asks_for_guards() -> None:
    policies = traffic(jwtAuth=REFERENCE), extension()
    port = free_port()
    path = InProcessProxy(Addresses(ports={19080: port}))
    await path.start()
    async with aiohttp.ClientSession() as session:
        await serve(path, table(*policies, enforced=path.enforces))
        status, _, _ = await Client(session, port).get("/", headers=token())
    await path.stop()

    assert status == 500


JWT_POLICIES = [
    [traffic(jwtAuth=REFERENCE), extension(audiences=["shop"])],
    [
        policy(
            "SecurityPolicy",
            {
                "jwt": {
                    "providers": [
                        {
                            "name": "idp",
                            "issuer": ISSUER,
                            "audiences": ["shop"],
                            "localJWKS": {"type": "Inline", "inline": KEYS},
                        }
                    ]
                }
            },
        )
    ],
]


@pytest.mark.parametrize("policies", JWT_POLICIES, ids=["kgateway", "Envoy Gateway"])
async def test_only_valid_tokens_pass(gate: Gateway, policies: list[dict[str, Any]]) -> None:
    await gate.serve(*policies)

    assert await gate.status() == 401
    assert await gate.status({"Authorization": "Bearer nonsense"}) == 401
    assert await gate.status(token(aud="shop")) == 200
    assert await gate.status(token(aud=["other", "shop"])) == 200
    assert await gate.status(token(aud="other")) == 403
    assert await gate.status(token(aud="shop", iss="https://else.example")) == 401
    assert await gate.status(token(aud="shop", exp=1)) == 401
    assert await gate.status(token(OTHER_KEY, aud="shop")) == 401


async def test_claims_reach_the_backend_as_headers_and_the_token_does_not(gate: Gateway) -> None:
    provider = extension(
        claimsToHeaders=[{"name": "sub", "header": "x-sub"}],
        tokenSource={"header": {"header": "x-token", "prefix": "Token "}},
    )
    await gate.serve(traffic(jwtAuth=REFERENCE), provider)
    sent = {"x-token": token()["Authorization"].replace("Bearer", "Token"), "x-sub": "forged"}

    status, body, _ = await gate.client.get("/", headers=sent)

    assert status == 200
    assert body["headers"]["x-sub"] == "ann"
    assert "x-token" not in body["headers"]
    assert await gate.status(token()) == 401


async def test_keys_come_from_a_config_map_or_from_a_server(gate: Gateway) -> None:
    holder = {"metadata": {"namespace": "apps", "name": "keys"}, "data": {"jwks": KEYS}}
    local = extension(jwks={"local": {"configMapRef": {"name": "keys"}}})
    await gate.serve(traffic(jwtAuth=REFERENCE), local, config_maps=[holder])
    assert await gate.status(token()) == 200

    issuer = Upstream("issuer")
    issuer.text["/keys"] = KEYS
    await issuer.start()
    for url, more in (
        (f"http://127.0.0.1:{issuer.port}/keys", {}),
        (f"http://idp.localhost:{issuer.port}/keys", {}),
        ("http://any/keys", {"backendRef": {"name": "greeter", "port": 8080}}),
        ("http://greeter.apps.svc.cluster.local:8080/keys", {}),
    ):
        gate.upstream.text["/keys"] = KEYS
        remote = extension(jwks={"remote": {"url": url, **more}})
        await gate.serve(traffic(jwtAuth=REFERENCE), remote)
        assert await gate.status() == 401, url
        assert await gate.status(token()) == 200, url
        assert await gate.status(token(OTHER_KEY)) == 401, url
    await issuer.stop()


async def test_request_without_a_token_passes_where_tokens_are_optional(gate: Gateway) -> None:
    provider = extension(claimsToHeaders=[{"name": "sub", "header": "x-sub"}])
    provider["spec"]["jwt"]["validationMode"] = "AllowMissing"

    await gate.serve(traffic(jwtAuth=REFERENCE), provider)

    assert await gate.status() == 200
    assert await gate.status(token()) == 200
    assert await gate.status(token(OTHER_KEY)) == 401
    _, body, _ = await gate.client.get("/", headers={"x-sub": "forged"})
    assert "x-sub" not in body["headers"]


def security(**spec: Any) -> dict[str, Any]:
    local = {"type": "Inline", "inline": KEYS}
    provider = {"name": "idp", "issuer": ISSUER, "localJWKS": local}
    return policy("SecurityPolicy", {"jwt": {"providers": [provider]}, **spec})


def allowing(**principal: Any) -> dict[str, Any]:
    jwt = {"provider": "idp", **principal}
    return {"name": "rule", "action": "Allow", "principal": {"jwt": jwt}}


ACCESS: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("scope", allowing(scopes=["read"]), {"scope": "write read"}, 200),
    ("no scope", allowing(scopes=["read"]), {}, 403),
    ("part of a scope", allowing(scopes=["read"]), {"scope": "readers"}, 403),
    ("scope as a list", allowing(scopes=["read"]), {"scope": ["read", "x"]}, 200),
    ("one of two scopes", allowing(scopes=["read", "write"]), {"scope": "read"}, 403),
    (
        "claim",
        allowing(claims=[{"name": "team.name", "values": ["a", "b"]}]),
        {"team": {"name": "b"}},
        200,
    ),
    (
        "other claim",
        allowing(claims=[{"name": "team.name", "values": ["a", "b"]}]),
        {"team": {"name": "c"}},
        403,
    ),
    (
        "list of roles",
        allowing(claims=[{"name": "roles", "valueType": "StringArray", "values": ["admin"]}]),
        {"roles": ["user", "admin"]},
        200,
    ),
]


@pytest.mark.parametrize(("rule_", "claims", "status"), [each[1:] for each in ACCESS],
                         ids=[each[0] for each in ACCESS])  # fmt: skip
async def test_authorization_asks_for_scopes_and_claims(
    gate: Gateway, rule_: dict[str, Any], claims: dict[str, Any], status: int
) -> None:
    await gate.serve(security(authorization={"defaultAction": "Deny", "rules": [rule_]}))

    assert await gate.status(token(**claims)) == status
    assert await gate.status() == 401


CIDRS: list[tuple[str, list[tuple[str, str]], int]] = [
    ("Deny", [("Allow", "127.0.0.0/8")], 200),
    ("Deny", [("Allow", "10.0.0.0/8")], 403),
    ("Deny", [], 403),
    ("Allow", [], 200),
    ("Allow", [("Deny", "127.0.0.1/32")], 403),
    ("Deny", [("Deny", "127.0.0.1/32"), ("Allow", "127.0.0.0/8")], 403),
    ("Deny", [("Allow", "127.0.0.1/32"), ("Deny", "127.0.0.0/8")], 200),
]


@pytest.mark.parametrize(("default", "rules", "status"), CIDRS)
async def test_first_rule_that_fits_the_address_decides(
    gate: Gateway, default: str, rules: list[tuple[str, str]], status: int
) -> None:
    entries = [{"action": action, "principal": {"clientCIDRs": [cidr]}} for action, cidr in rules]
    access = {"defaultAction": default, "rules": entries}
    await gate.serve(policy("SecurityPolicy", {"authorization": access}))

    forged = {"X-Forwarded-For": "10.1.2.3"}
    assert await gate.status() == status
    assert await gate.status(forged) == status


async def test_longest_prefix_of_an_acl_decides(gate: Gateway) -> None:
    rules = [
        {"cidrs": ["127.0.0.0/8"], "action": "deny"},
        {"cidrs": ["127.0.0.1"], "action": "allow"},
    ]
    await gate.serve(traffic(acl={"defaultAction": "deny", "rules": rules}))
    assert await gate.status() == 200

    await gate.serve(traffic(acl={"defaultAction": "allow", "rules": rules[:1]}))
    assert await gate.status() == 403


async def test_passwords_of_the_policy_and_of_a_secret_open(gate: Gateway) -> None:
    users = secret("users", **{".htpasswd": sha("bob", "b") + "\n" + sha("eve", "e")})
    inline = {"users": [sha("ann", "a")]}

    await gate.serve(traffic(basicAuth=inline))
    assert await gate.status() == 401
    assert await gate.status(basic("ann", "a")) == 200
    assert await gate.status(basic("ann", "b")) == 401

    await gate.serve(traffic(basicAuth={"secretRef": {"name": "users"}}), secrets=[users])
    assert await gate.status(basic("eve", "e")) == 200
    assert await gate.status(basic("ann", "a")) == 401

    await gate.serve(
        policy("SecurityPolicy", {"basicAuth": {"users": {"name": "users"}}}), secrets=[users]
    )
    assert await gate.status(basic("bob", "b")) == 200
    assert await gate.status(basic("bob", "a")) == 401


async def test_keys_of_clients_open_and_tell_who_comes(gate: Gateway) -> None:
    keys = secret("keys", shop="k-1", desk="k-2")
    auth = {"secretRef": {"name": "keys"}, "clientIdHeader": "x-client"}
    await gate.serve(traffic(apiKeyAuth=auth), secrets=[keys])

    status, body, _ = await gate.client.get("/", headers={"api-key": "k-2"})

    assert (status, body["headers"]["x-client"]) == (200, "desk")
    assert "api-key" not in body["headers"]
    assert await gate.status() == 401
    assert await gate.status({"api-key": "k-3"}) == 401


LIMITS = [
    traffic(rateLimit={"local": {"tokenBucket": {"maxTokens": 3, "fillInterval": "3600s"}}}),
    policy(
        "BackendTrafficPolicy",
        {
            "rateLimit": {
                "type": "Local",
                "local": {"rules": [{"limit": {"requests": 3, "unit": "Hour"}}]},
            }
        },
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=["kgateway", "Envoy Gateway"])
async def test_requests_over_the_rate_are_refused(gate: Gateway, limit: dict[str, Any]) -> None:
    rules = (rule(prefix("/limited"), name="limited"), rule(prefix("/free")))
    limit = {**limit, "spec": {**limit["spec"], "targetRefs": [target(sectionName="limited")]}}
    await gate.serve(limit, rules=rules)

    found = [await gate.status(path="/limited") for _ in range(5)]

    assert found == [200, 200, 200, 429, 429]
    assert await gate.status(path="/free") == 200


async def test_cors_of_a_policy_is_answered(gate: Gateway) -> None:
    for cors in (
        traffic(cors={"allowOrigins": ["https://shop.example"], "allowMethods": ["PUT"]}),
        policy(
            "SecurityPolicy",
            {"cors": {"allowOrigins": ["https://*.example"], "maxAge": "60s"}},
        ),
    ):
        await gate.serve(cors)
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT"}
        _, _, headers = await gate.client.get("/", method="OPTIONS", headers=asked)
        assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
        _, _, headers = await gate.client.get("/", headers={"Origin": "https://evil.test"})
        assert "Access-Control-Allow-Origin" not in headers


async def test_timeouts_headers_and_sizes_of_a_policy_hold(gate: Gateway) -> None:
    await gate.serve(
        traffic(
            timeouts={"request": "0.1s"},
            headerModifiers={
                "request": {"set": [{"name": "x-in", "value": "1"}], "remove": ["x-gone"]},
                "response": {"add": [{"name": "x-out", "value": "2"}]},
            },
            buffer={"maxRequestSize": "1Ki"},
        )
    )

    assert await gate.status(path="/slow") == 504
    status, body, headers = await gate.client.get("/", headers={"x-gone": "1"})
    assert (status, body["headers"]["x-in"], headers["x-out"]) == (200, "1", "2")
    assert "x-gone" not in body["headers"]
    assert await gate.status(method="POST", data=b"x" * 1000) == 200
    assert await gate.status(method="POST", data=b"x" * 3000) == 413


RETRIES: list[tuple[dict[str, Any] | None, dict[str, Any]]] = [
    (traffic(retry={"attempts": 2, "statusCodes": [503], "backoffBaseInterval": "1ms"}), {}),
    (
        policy(
            "BackendTrafficPolicy",
            {"retry": {"numRetries": 2, "retryOn": {"httpStatusCodes": [503]}}},
        ),
        {},
    ),
    (None, {"retry": {"attempts": 2, "codes": [503], "backoff": "1ms"}}),
]


@pytest.mark.parametrize(("asked", "of_rule"), RETRIES, ids=["kgateway", "Envoy Gateway", "rule"])
async def test_request_is_tried_again_as_often_as_asked(
    gate: Gateway, asked: dict[str, Any] | None, of_rule: dict[str, Any]
) -> None:
    await gate.serve(*([asked] if asked else []), rules=(rule(prefix("/"), **of_rule),))

    gate.upstream.failures = 2
    assert await gate.status(path="/") == 200
    gate.upstream.failures = 3
    assert await gate.status(path="/") == 503
    assert gate.upstream.failures == 0


async def test_circuit_breaker_lets_only_so_many_requests_through(gate: Gateway) -> None:
    breaker = {"maxParallelRequests": 1, "maxConnections": 1, "maxPendingRequests": 1}
    await gate.serve(policy("BackendTrafficPolicy", {"circuitBreaker": breaker}))

    found = await asyncio.gather(*(gate.status(path="/slow") for _ in range(4)))

    assert set(found) == {200, 503}
    assert await gate.status(path="/") == 200


async def test_filter_of_envoy_gateway_replaces_what_it_finds(gate: Gateway) -> None:
    replacement = {"pattern": "^/shop/api(/books/[^/]+)$", "substitution": "\\1"}
    change = {"path": {"type": "ReplaceRegexMatch", "replaceRegexMatch": replacement}}
    named = policy("HTTPRouteFilter", {"urlRewrite": change}, name="op")
    reference = {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": "op"}
    rules = (rule(prefix("/shop"), filters=[{"type": "ExtensionRef", "extensionRef": reference}]),)

    await gate.serve(named, rules=rules)
    _, body, _ = await gate.client.get("/shop/api/books/7?x=1")
    assert body["path"] == "/books/7?x=1"

    await gate.serve(rules=rules)
    assert await gate.status(path="/shop/api/books/7") == 500


async def test_more_specific_policy_wins_field_by_field(gate: Gateway) -> None:
    to_gateway = target("Gateway", "gateway-default")
    keep_out = policy(
        "TrafficPolicy",
        {"basicAuth": {"users": [sha("ann", "a")]}, "timeouts": {"request": "0.1s"}},
        name="all",
        namespace="infra",
        to=to_gateway,
    )
    open_again = policy(
        "TrafficPolicy", {"basicAuth": {"disable": {}}}, to=target(sectionName="open")
    )
    rules = (
        rule(prefix("/closed")),
        rule(prefix("/open"), name="open"),
        rule(prefix("/slow"), name="open"),
    )

    await gate.serve(keep_out, open_again, rules=rules)

    assert await gate.status(path="/closed") == 401
    assert await gate.status(basic("ann", "a"), path="/closed") == 200
    assert await gate.status(path="/open") == 200
    assert await gate.status(path="/slow") == 504


def test_policy_of_a_route_hides_that_of_its_gateway_in_envoy_gateway() -> None:
    deny = {"authorization": {"defaultAction": "Deny"}}
    outer = policy(
        "SecurityPolicy", deny, name="outer", namespace="infra",
        to=target("Gateway", "gateway-default", sectionName="http"),
    )  # fmt: skip
    inner = policy("SecurityPolicy", {"cors": {"allowOrigins": ["*"]}})

    (alone,) = table(outer).routes()
    (both,) = table(outer, inner).routes()

    assert alone.guards.access is not None
    assert both.guards.access is None
    assert both.cors is not None


def test_policies_find_their_routes_by_labels() -> None:
    chosen = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}
    selector = {**chosen, "matchLabels": {"secure": "yes"}}
    by_label = policy("TrafficPolicy", {"extAuth": {}, "targetSelectors": [selector]})
    del by_label["spec"]["targetRefs"]
    labelled = route(name="labelled", hostnames=("a.test",), labels={"secure": "yes"})

    found = routes.build(world(route(), labelled, policies=[by_label])).table.routes()

    assert {each.name.split("/")[2]: bool(each.refusal) for each in found} == {
        "greeter": False,
        "labelled": True,
    }


def test_policy_of_another_namespace_does_not_reach_a_route() -> None:
    stranger = policy("TrafficPolicy", {"extAuth": {}}, namespace="elsewhere")

    (only,) = table(stranger).routes()

    assert not only.refusal


def test_policy_of_a_listener_guards_that_listener_alone() -> None:
    two = gateway(listener(), listener("other", 19081))
    near = target("Gateway", "gateway-default", sectionName="other")
    limit = {"local": {"tokenBucket": {"maxTokens": 1, "fillInterval": "1s"}}}
    limited = policy("TrafficPolicy", {"rateLimit": limit}, namespace="infra", to=near)

    made = table(limited, gateways=[two])

    rates = {
        port.port: [each.guards.rate for host in port.hosts for each in host.routes]
        for port in made.ports
    }
    assert rates[19080] == [None]
    assert rates[19081] != [None]


def _told(built: routes.Built) -> dict[str, tuple[str, str, str]]:
    """The conditions of the only policy, for the only ancestor."""
    (attachment,) = built.policies
    status = policy_status.policy_status(attachment, controller_name=CONTROLLER, now=NOW)
    (ancestor,) = status["ancestors"]
    return {
        each["type"]: (each["status"], each["reason"], each["message"])
        for each in ancestor["conditions"]
    }


def test_status_names_what_is_not_carried_out() -> None:
    ignored = _told(build(traffic(timeouts={"request": "1s"}, compression={}, tracing={})))
    assert ignored["Accepted"] == ("True", "Valid", "not carried out here: compression, tracing")
    assert ignored["Attached"][:2] == ("True", "Attached")

    closed = _told(build(traffic(extAuth={})))
    message = 'the routes answer 500: field "extAuth" is not carried out here'
    assert closed["Accepted"] == ("False", "Invalid", message)

    absent = policy("SecurityPolicy", {}, to=target(name="missing"))
    assert _told(build(absent))["Accepted"][:2] == ("False", "TargetNotFound")

    mistyped = policy("TrafficPolicy", {"acl": {}}, to=target(sectionName="nobody"))
    attached = _told(build(mistyped))["Attached"]
    assert attached == ("False", "Pending", "the target does not exist")


def test_younger_policy_of_a_kind_for_the_same_route_is_in_conflict() -> None:
    young = policy("SecurityPolicy", {}, name="young", creationTimestamp="2031-01-01T00:00:00Z")
    old = policy("SecurityPolicy", {"cors": {"allowOrigins": ["*"]}}, name="old")

    built = build(young, old)

    status = policy_status.policy_status(built.policies[1], controller_name=CONTROLLER, now=NOW)
    (accepted,) = status["ancestors"][0]["conditions"]
    assert (accepted["reason"], accepted["message"]) == (
        "Conflicted",
        "SecurityPolicy apps/old is obeyed",
    )


async def test_port_whose_only_route_is_refused_goes_on_listening(gate: Gateway) -> None:
    await gate.serve()
    (good,) = table().routes()
    bad = replace(good, match=Match(PathMatch(PathType.REGEX, "(")))
    (port,) = table().ports
    broken = RouteTable((replace(port, hosts=(VirtualHost(HOST, (bad,)),)),))

    await serve(gate.path, broken, greeter=gate.upstream.port)

    assert [*gate.path.refusals().routes] == [good.name]
    assert await gate.status() == 404
    await gate.serve(traffic(headerModifiers={"response": {"remove": ["x-upstream"]}}))
    assert not gate.path.refusals().routes
    assert await gate.status() == 200


BAD_RULES: list[tuple[str, dict[str, Any]]] = [
    ("pattern", rule({"path": {"type": "RegularExpression", "value": "/("}})),
    ("costly pattern", rule({"path": {"type": "RegularExpression", "value": "/(a{50}){50}"}})),
    (
        "line break in a header",
        rule(
            filters=[
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {"set": [{"name": "a", "value": "b\r\nc: d"}]},
                }
            ]
        ),
    ),
    (
        "line break in a path",
        rule(
            filters=[
                {
                    "type": "URLRewrite",
                    "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/\n"}},
                }
            ]
        ),
    ),
    ("unknown filter", rule(filters=[{"type": "Teleport"}])),
]


@pytest.mark.parametrize(
    ("bad"), [each[1] for each in BAD_RULES], ids=[one[0] for one in BAD_RULES]
)
async def test_bad_route_is_refused_and_never_takes_the_others_down(
    gate: Gateway, bad: dict[str, Any]
) -> None:
    wrong = route(bad, name="wrong", hostnames=("wrong.test",))

    built = routes.build(world(route(hostnames=(HOST,)), wrong))
    await serve(gate.path, built.table, greeter=gate.upstream.port)

    refused = {each["metadata"]["name"]: found[0].refused for each, found in built.parents}
    assert refused["greeter"] is None
    assert refused["wrong"] is not None
    assert refused["wrong"].reason == "UnsupportedValue"
    assert gate.path.failure(19080) == ""
    assert await gate.status() == 200


async def test_policies_with_bad_contents_never_take_the_others_down(gate: Gateway) -> None:
    """One after the other: each closes its route only."""
    bad: list[list[dict[str, Any]]] = [
        [traffic(urlRewrite={"pathRegex": {"pattern": "^/a$", "substitution": "\\3"}})],
        [traffic(headerModifiers={"request": {"set": [{"name": "a b", "value": "1"}]}})],
        [traffic(jwtAuth=REFERENCE), extension(jwks={"local": {"inline": '{"keys":[{}]}'}})],
        [traffic(jwtAuth=REFERENCE), extension(claimsToHeaders=[{"name": "a", "header": "\n"}])],
        [
            traffic(
                rateLimit={"local": {"tokenBucket": {"maxTokens": 1 << 40, "fillInterval": "1s"}}}
            )
        ],
    ]
    rules = (rule(prefix("/open")), rule(prefix("/closed"), name="closed"))
    for policies in bad:
        policies[0]["spec"]["targetRefs"] = [target(sectionName="closed")]
        await gate.serve(*policies, rules=rules)
        assert gate.path.failure(19080) == "", policies
        assert await gate.status(path="/closed") == 500, policies
        assert await gate.status(path="/open") == 200
