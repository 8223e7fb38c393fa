"""What the Gateway API promises, asked of a live Envoy: tables of rules, requests and answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.network import routes
from tests.embedded.network.gatewayobjects import (
    backend,
    gateway,
    listener,
    metadata,
    prefix,
    route,
    rule,
    service,
    world,
)
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.livenetwork import until

HOST = "conformance.example.localhost"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


def built(*objects: dict[str, Any], **more: Any) -> routes.Built:
    return routes.build(world(*objects, services=[service(), service("other")], **more))


async def serve(live: LiveGateway, *objects: dict[str, Any], **more: Any) -> routes.Built:
    made = built(*objects, **more)
    await live.serve(made.table)
    return made


def to(name: str, *matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return rule(*matches, backendRefs=[backend(name)], **more)


def exact(path: str) -> dict[str, Any]:
    return {"path": {"type": "Exact", "value": path}}


def pattern(path: str) -> dict[str, Any]:
    return {"path": {"type": "RegularExpression", "value": path}}


def header(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, **more}


@dataclass
class Ask:
    """A request, and which upstream or status answers."""

    path: str
    answer: str | int
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    host: str = HOST


async def check(live: LiveGateway, asks: list[Ask]) -> None:
    for ask in asks:
        status, body, _ = await live.client.get(
            ask.path, host=ask.host, method=ask.method, headers=ask.headers
        )
        found = body["upstream"] if status == 200 else status
        assert found == ask.answer, ask


MATCHES: list[tuple[str, list[dict[str, Any]], list[Ask]]] = [
    (
        "exact before prefix, long prefix before short",
        [
            to("greeter", prefix("/")),
            to("other", exact("/match")),
            to("other", prefix("/match/prefix")),
            to("greeter", prefix("/match/prefix/one")),
        ],
        [
            Ask("/", "one"),
            Ask("/match", "two"),
            Ask("/match/", "one"),
            Ask("/match/prefix", "two"),
            Ask("/match/prefix/", "two"),
            Ask("/match/prefixed", "one"),
            Ask("/match/prefix/one/any", "one"),
            Ask("/Match", "one"),
        ],
    ),
    (
        "regular expressions cover the whole path",
        [to("other", pattern("/v[0-9]+/x")), to("greeter", exact("/v1/x"))],
        [Ask("/v1/x", "one"), Ask("/v22/x", "two"), Ask("/v22/xy", 404), Ask("/a/v22/x", 404)],
    ),
    (
        "methods",
        [
            to("greeter", {"method": "POST"}),
            to("other", {"method": "GET"}),
            to("greeter", {**prefix("/path"), "method": "GET"}),
        ],
        [
            Ask("/", "one", method="POST"),
            Ask("/", "two"),
            Ask("/path", "one"),
            Ask("/", 404, method="PUT"),
        ],
    ),
    (
        "headers: all of a match, any match of a rule, names in any case",
        [
            to("greeter", {"headers": [header("version", "one")]}),
            to("other", {"headers": [header("version", "two")]}),
            to("greeter", {"headers": [header("version", "two"), header("color", "orange")]}),
            to(
                "other",
                {"headers": [header("color", "blue")]},
                {"headers": [header("color", "green.*", type="RegularExpression")]},
            ),
        ],
        [
            Ask("/", "one", headers={"Version": "one"}),
            Ask("/", "two", headers={"VERSION": "two"}),
            Ask("/", "one", headers={"version": "two", "color": "orange"}),
            Ask("/", "two", headers={"color": "blue"}),
            Ask("/", "two", headers={"color": "greenish"}),
            Ask("/", 404, headers={"color": "a greenish"}),
            Ask("/", 404, headers={"version": "One"}),
            Ask("/", 404),
        ],
    ),
    (
        "query parameters",
        [
            to("greeter", {"queryParams": [header("animal", "whale")]}),
            to("other", {"queryParams": [header("animal", "dolphin")]}),
            to(
                "greeter",
                {"queryParams": [header("animal", "dolphin"), header("color", "blue")]},
            ),
            to("other", {**prefix("/re"), "queryParams": [
                header("id", "[0-9]+", type="RegularExpression")]}),
        ],
        [
            Ask("/?animal=whale", "one"),
            Ask("/?animal=dolphin", "two"),
            Ask("/?animal=dolphin&color=blue", "one"),
            Ask("/?color=blue&animal=dolphin", "one"),
            Ask("/?ANIMAL=whale", 404),
            Ask("/?animal=shark", 404),
            Ask("/re?id=12", "two"),
            Ask("/re?id=12a", 404),
            Ask("/", 404),
        ],
    ),
    (
        "more headers and parameters win over fewer, a method over headers",
        [
            to("greeter", {"headers": [header("a", "1"), header("b", "2")]}),
            to("other", {"headers": [header("a", "1")], "method": "GET"}),
            to("greeter", {"queryParams": [header("q", "1")]}),
        ],
        [
            Ask("/?q=1", "two", headers={"a": "1", "b": "2"}),
            Ask("/", "one", method="PUT", headers={"a": "1", "b": "2"}),
            Ask("/?q=1", "one"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "asks"), [each[1:] for each in MATCHES],
                         ids=[each[0] for each in MATCHES])  # fmt: skip
async def test_matches(live: LiveGateway, rules: list[dict[str, Any]], asks: list[Ask]) -> None:
    await serve(live, route(*rules, hostnames=(HOST,)))

    await check(live, asks)


async def test_rules_of_several_routes_compete_as_if_they_were_one(live: LiveGateway) -> None:
    old = route(to("greeter", prefix("/a")), name="old", hostnames=(HOST,))
    young = route(
        to("other", prefix("/a")),
        to("other", prefix("/a/b")),
        name="young",
        hostnames=(HOST,),
        creationTimestamp="2031-01-01T00:00:00Z",
    )

    await serve(live, young, old)

    await check(live, [Ask("/a", "one"), Ask("/a/b", "two")])


def named(hostname: str, name: str = "http") -> dict[str, Any]:
    return listener(name, hostname=hostname) if hostname else listener(name)


async def test_listeners_keep_their_host_names_apart(live: LiveGateway) -> None:
    names = {"bare": "", "wide": "*.example.test", "deep": "*.foo.example.test",
             "one": "abc.foo.example.test"}  # fmt: skip
    listeners = [named(value, name) for name, value in names.items()]
    objects = [
        route(
            to("greeter" if name in ("bare", "deep") else "other", prefix(f"/{name}")),
            name=name,
            parent={"sectionName": name},
        )
        for name in names
    ]

    await serve(live, *objects, gateways=[gateway(*listeners)])

    hosts = {"bare": "bar.test", "wide": "bar.example.test", "deep": "bar.foo.example.test",
             "one": "abc.foo.example.test"}  # fmt: skip
    for serving, host in hosts.items():
        for name in names:
            expected: str | int = 404
            if name == serving:
                expected = "one" if name in ("bare", "deep") else "two"
            await check(live, [Ask(f"/{name}", expected, host=host)])


HOSTNAMES: list[tuple[str, str, list[tuple[str, bool]]]] = [
    ("", "*.example.test", [("a.example.test", True), ("a.b.example.test", True),
                            ("example.test", False)]),
    ("*.example.test", "a.example.test", [("a.example.test", True), ("b.example.test", False)]),
    ("a.example.test", "*.example.test", [("a.example.test", True), ("b.example.test", False)]),
    ("a.example.test", "b.example.test", [("a.example.test", False), ("b.example.test", False)]),
    ("*.example.test", "*.b.example.test", [("a.b.example.test", True),
                                            ("a.example.test", False)]),
]  # fmt: skip


@pytest.mark.parametrize(("of_listener", "of_route", "asks"), HOSTNAMES)
async def test_what_host_names_have_in_common_is_served(
    live: LiveGateway, of_listener: str, of_route: str, asks: list[tuple[str, bool]]
) -> None:
    only = named(of_listener)

    made = await serve(live, route(hostnames=(of_route,)), gateways=[gateway(only)])

    for host, served in asks:
        status, _, _ = await live.client.get("/", host=host)
        assert status == (200 if served else 404), host
    reason = made.parents[0][1][0].refused
    assert (reason is None) == any(served for _, served in asks)


async def test_weights_share_requests(live: LiveGateway) -> None:
    shares = [backend(weight=7), backend("other", weight=3), backend("other", weight=0)]
    await serve(live, route(rule(backendRefs=shares), hostnames=(HOST,)))

    found = Counter([(await live.client.get("/", host=HOST))[1]["upstream"] for _ in range(200)])

    assert 90 < found["one"] < 190
    assert found["one"] + found["two"] == 200


def grant(namespace: str, name: str = "") -> dict[str, Any]:
    """Lets HTTPRoutes of `apps` use Services of a namespace."""
    aim = {"group": "", "kind": "Service", **({"name": name} if name else {})}
    origin = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "apps"}
    return {"metadata": metadata("grant", namespace), "spec": {"from": [origin], "to": [aim]}}


GRANTS: list[tuple[list[dict[str, Any]], int]] = [
    ([], 500),
    ([grant("far")], 200),
    ([grant("far", "greeter")], 200),
    ([grant("far", "another")], 500),
    ([grant("apps")], 500),
]


@pytest.mark.parametrize(("grants", "status"), GRANTS)
async def test_backend_of_another_namespace_needs_a_grant(
    live: LiveGateway, grants: list[dict[str, Any]], status: int
) -> None:
    far = service()
    far["metadata"] = metadata("greeter", "far")
    across = rule(backendRefs=[backend(namespace="far")])

    made = routes.build(world(route(across, hostnames=(HOST,)), services=[far], grants=grants))
    await live.serve(made.table)

    await check(live, [Ask("/", "one" if status == 200 else 500)])
    unresolved = made.parents[0][1][0].unresolved
    assert (unresolved.reason if unresolved else "") == ("" if status == 200 else "RefNotPermitted")


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    (backend("missing"), "BackendNotFound"),
    (backend(port=1), "BackendNotFound"),
    (backend(kind="Bucket", group="storage.example"), "InvalidKind"),
]


@pytest.mark.parametrize(("reference", "reason"), UNUSABLE)
async def test_backend_that_cannot_be_used_answers_500_for_its_share(
    live: LiveGateway, reference: dict[str, Any], reason: str
) -> None:
    alone = rule(prefix("/alone"), backendRefs=[reference])
    shared = rule(prefix("/shared"), backendRefs=[backend(), {**reference, "weight": 1}])

    made = await serve(live, route(alone, shared, hostnames=(HOST,)))

    await check(live, [Ask("/alone", 500)])
    found = Counter([(await live.client.get("/shared", host=HOST))[0] for _ in range(60)])
    assert set(found) == {200, 500}
    unresolved = made.parents[0][1][0].unresolved
    assert unresolved is not None
    assert unresolved.reason == reason


def redirect(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "RequestRedirect", "requestRedirect": fields}]


def replace_prefix(value: str) -> dict[str, Any]:
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": value}


def replace_path(value: str) -> dict[str, Any]:
    return {"type": "ReplaceFullPath", "replaceFullPath": value}


REDIRECTS: list[tuple[str, dict[str, Any], str, int, str]] = [
    ("/host", {"hostname": "b.test"}, "/host/x", 302, "http://b.test:{port}/host/x"),
    ("/code", {"statusCode": 301}, "/code", 301, "http://{host}:{port}/code"),
    ("/see", {"statusCode": 303}, "/see", 303, "http://{host}:{port}/see"),
    ("/keep", {"statusCode": 308}, "/keep", 308, "http://{host}:{port}/keep"),
    ("/port", {"port": 8083}, "/port?q=1", 302, "http://{host}:8083/port?q=1"),
    ("/tls", {"scheme": "https", "hostname": "b.test"}, "/tls", 302, "https://b.test"),
    ("/old", {"path": replace_prefix("/new")}, "/old/a?b=c", 302, "http://{host}:{port}/new/a?b=c"),
    ("/full", {"path": replace_path("/all")}, "/full/a", 302, "http://{host}:{port}/all"),
    ("/root", {"path": replace_prefix("/")}, "/root/a", 302, "http://{host}:{port}/a"),
    ("/root2", {"path": replace_prefix("/")}, "/root2", 302, "http://{host}:{port}/"),
]


async def test_redirects(live: LiveGateway) -> None:
    rules = [
        rule(prefix(path), filters=redirect(**fields), backendRefs=[])
        for path, fields, *_ in REDIRECTS
    ]
    await serve(live, route(*rules, hostnames=(HOST,)))

    for path, fields, asked, status, where in REDIRECTS:
        found, _, headers = await live.client.get(asked, host=HOST)
        expected = where.format(host=HOST, port=live.client.port)
        assert found == status, path
        assert headers["Location"].startswith(expected), fields


REWRITES: list[tuple[str, dict[str, Any], str, str]] = [
    ("/one", {"path": replace_prefix("/two")}, "/one/a?b=c", "/two/a?b=c"),
    ("/one", {"path": replace_prefix("/two")}, "/one", "/two"),
    ("/strip", {"path": replace_prefix("/")}, "/strip/a", "/a"),
    ("/strip", {"path": replace_prefix("/")}, "/strip", "/"),
    ("/slash", {"path": replace_prefix("/two/")}, "/slash/a", "/two/a"),
    ("/full", {"path": replace_path("/all")}, "/full/a?b=c", "/all?b=c"),
    ("/", {"path": replace_prefix("/below")}, "/a", "/below/a"),
    ("/host", {"hostname": "inner.test"}, "/host/a", "/host/a"),
]


async def test_rewrites(live: LiveGateway) -> None:
    for path, fields, asked, expected in REWRITES:
        change = [{"type": "URLRewrite", "urlRewrite": fields}]
        await serve(live, route(to("greeter", prefix(path), filters=change), hostnames=(HOST,)))
        status, body, _ = await live.client.get(asked, host=HOST)
        assert (status, body["path"]) == (200, expected), (path, fields)
        if "hostname" in fields:
            assert body["host"] == fields["hostname"]


async def test_headers_of_rules_and_backends_change(live: LiveGateway) -> None:
    change = {
        "set": [header("x-set", "new")],
        "add": [header("x-add", "more")],
        "remove": ["x-gone"],
    }
    of_rule = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": change},
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {**change, "remove": ["x-upstream"]},
        },
    ]
    of_backend = [{"type": "RequestHeaderModifier",
                   "requestHeaderModifier": {"set": [header("x-backend", "yes")]}}]  # fmt: skip
    refs = [backend(filters=of_backend)]
    await serve(live, route(rule(filters=of_rule, backendRefs=refs), hostnames=(HOST,)))

    sent = {"x-set": "old", "x-add": "first", "x-gone": "1"}
    status, body, headers = await live.client.get("/", host=HOST, headers=sent)

    assert status == 200
    found = body["headers"]
    assert (found["x-set"], found["x-backend"]) == ("new", "yes")
    assert "x-gone" not in found
    assert (headers["x-set"], headers["x-add"]) == ("new", "more")
    assert "x-upstream" not in headers


async def test_copies_go_to_another_backend_and_its_absence_hurts_nobody(live: LiveGateway) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("other")}}
    absent = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("missing")}}
    made = await serve(
        live,
        route(
            to("greeter", prefix("/copied"), filters=[mirror]),
            to("greeter", prefix("/absent"), filters=[absent]),
            hostnames=(HOST,),
        ),
    )

    await check(live, [Ask("/copied/x", "one"), Ask("/absent", "one")])

    async def copied() -> bool:
        return "/copied/x" in live.other.asked

    assert await until(copied)
    unresolved = made.parents[0][1][0].unresolved
    assert unresolved is not None
    assert unresolved.reason == "BackendNotFound"


async def test_timeouts_give_up_on_slow_backends(live: LiveGateway) -> None:
    await serve(
        live,
        route(
            to("greeter", prefix("/slow"), timeouts={"request": "100ms"}),
            to("greeter", prefix("/stream"), timeouts={"request": "0s"}),
            hostnames=(HOST,),
        ),
    )

    assert (await live.client.get("/slow", host=HOST))[0] == 504
    assert (await live.client.get("/stream", host=HOST))[0] == 200

    each = {"request": "5s", "backendRequest": "50ms"}
    await serve(live, route(to("greeter", timeouts=each), hostnames=(HOST,)))
    assert (await live.client.get("/slow", host=HOST))[0] == 504


async def test_websocket_passes_both_ways(live: LiveGateway) -> None:
    await serve(live, route(hostnames=(HOST,)))

    url, headers = live.client.url("/socket"), {"Host": HOST}
    async with live.client.session.ws_connect(url, headers=headers) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=60) == "one: hello"


async def test_huge_route_is_served_beside_others(live: LiveGateway) -> None:
    rules = [to("other", *(exact(f"/{number}/{one}") for one in range(64))) for number in range(16)]
    huge = [route(*rules, name=f"huge-{each}", hostnames=(f"h{each}.test",)) for each in range(3)]

    await serve(live, route(hostnames=(HOST,)), *huge)

    await check(live, [Ask("/", "one"), Ask("/15/63", "two", host="h2.test")])
