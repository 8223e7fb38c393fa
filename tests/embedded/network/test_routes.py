"""Gateway API objects to the route table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from choreo_local.embedded.network import backends, gateway_status, hostnames
from choreo_local.embedded.network.datapath import Refusals
from choreo_local.embedded.network.routes import Built, build
from choreo_local.embedded.network.table import (
    BackendKey,
    BackendProtocol,
    Cors,
    Endpoint,
    HeaderChange,
    Redirect,
    Rewrite,
    Route,
)
from tests.embedded.network.gatewayobjects import (
    CONTROLLER,
    backend,
    endpoint_slice,
    gateway,
    listener,
    metadata,
    prefix,
    route,
    rule,
    service,
    world,
)


def routes_of(built: Built, hostname: str = "*") -> tuple[Route, ...]:
    (port,) = built.table.ports
    (found,) = [host.routes for host in port.hosts if host.hostname == hostname]
    return found


def paths(built: Built, hostname: str = "*") -> list[str]:
    return [f"{each.match.method}{each.match.path.value}" for each in routes_of(built, hostname)]


def test_route_of_a_platform_component_reaches_its_service() -> None:
    rewrite = {
        "type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
    }
    cors = {"type": "CORS", "cors": {"allowOrigins": ["*"], "allowMethods": ["GET"]}}
    host = "development-default.example.localhost"
    obj = route(rule(prefix("/greeter-http"), filters=[rewrite, cors]), hostnames=(host,))

    built = build(world(obj))

    (found,) = routes_of(built, host)
    assert found.backends[0].backend is not None
    assert found.backends[0].backend.key == BackendKey("apps", "greeter", 8080)
    assert found.rewrite == Rewrite(prefix="/")
    assert found.cors == Cors(origins=("*",), methods=("GET",))
    ((_, (parent,)),) = built.parents
    assert parent.refused is None
    assert parent.unresolved is None
    assert [len(each.attached) for each in built.gateways[0][1]] == [1]


def test_routes_are_tried_in_the_order_of_the_specification() -> None:
    header = {
        "path": {"type": "PathPrefix", "value": "/a"},
        "headers": [{"name": "X", "value": "1"}],
    }
    method = {**prefix("/a"), "method": "GET"}
    exact = {"path": {"type": "Exact", "value": "/a"}}
    obj = route(rule(prefix("/"), prefix("/a"), header, method, prefix("/a/b"), exact))

    found = routes_of(build(world(obj)))

    assert [(each.match.path.type, each.match.path.value) for each in found] == [
        ("Exact", "/a"),
        ("PathPrefix", "/a/b"),
        ("PathPrefix", "/a"),
        ("PathPrefix", "/a"),
        ("PathPrefix", "/a"),
        ("PathPrefix", "/"),
    ]
    assert found[2].match.method == "GET"
    assert found[3].match.headers[0].name == "x"


def test_of_equal_matches_the_older_route_wins_and_then_the_name() -> None:
    young = route(name="a", creationTimestamp="2031-01-01T00:00:00Z")
    old_b, old_c = route(name="b"), route(name="c")

    found = routes_of(build(world(young, old_c, old_b)))

    assert [each.name.split("/")[2] for each in found] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("listener_host", "route_hosts", "served"),
    [
        ("", (), ("*",)),
        ("*.example.localhost", (), ("*.example.localhost",)),
        ("*.example.localhost", ("a.example.localhost", "b.other"), ("a.example.localhost",)),
        ("*.example.localhost", ("*.a.example.localhost",), ("*.a.example.localhost",)),
        ("a.example.localhost", ("*.example.localhost",), ("a.example.localhost",)),
        ("*.example.localhost", ("example.localhost",), ()),
        ("", ("x", "x", "y"), ("x", "y")),
    ],
)
def test_listener_and_route_serve_what_their_host_names_have_in_common(
    listener_host: str, route_hosts: tuple[str, ...], served: tuple[str, ...]
) -> None:
    assert hostnames.intersection(listener_host, route_hosts) == served


def refusal(obj: dict[str, Any], **more: Any) -> str | None:
    ((_, parents),) = build(world(obj, **more)).parents
    (parent,) = parents
    return parent.refused.reason if parent.refused else None


def test_route_that_no_listener_takes_is_refused_with_the_reason() -> None:
    only_same = listener(allowedRoutes={"namespaces": {"from": "Same"}})
    hosts = listener(hostname="*.example.localhost")

    assert refusal(route(parent={"sectionName": "nope"})) == "NoMatchingParent"
    assert refusal(route(), gateways=[gateway(only_same)]) == "NotAllowedByListeners"
    other_host = route(hostnames=("a.b",))
    assert refusal(other_host, gateways=[gateway(hosts)]) == "NoMatchingListenerHostname"
    assert refusal(route(), gateways=[gateway(hosts)]) is None


def test_namespaces_may_be_selected_by_label() -> None:
    selecting = listener(
        allowedRoutes={
            "namespaces": {"from": "Selector", "selector": {"matchLabels": {"tier": "web"}}}
        }
    )
    gateways = [gateway(selecting)]

    assert refusal(route(), gateways=gateways) == "NotAllowedByListeners"
    labels = {"apps": {"tier": "web"}}
    assert refusal(route(), gateways=gateways, namespaces=labels) is None


def unresolved(obj: dict[str, Any], **more: Any) -> str | None:
    ((_, (parent,)),) = build(world(obj, **more)).parents
    return parent.unresolved.reason if parent.unresolved else None


def test_backends_that_cannot_be_used_are_named_and_leave_a_hole() -> None:
    missing = route(rule(backendRefs=[backend("nope", weight=3), backend(weight=1)]))

    built = build(world(missing))

    (found,) = routes_of(built)
    assert [(each.backend is None, each.weight) for each in found.backends] == [
        (True, 3),
        (False, 1),
    ]
    assert unresolved(missing) == "BackendNotFound"
    assert unresolved(route(rule(backendRefs=[backend(port=1)]))) == "BackendNotFound"
    other_kind = backend(kind="Bucket", group="example.com")
    assert unresolved(route(rule(backendRefs=[other_kind]))) == "InvalidKind"


def test_backend_of_another_namespace_needs_a_grant() -> None:
    obj = route(rule(backendRefs=[backend(namespace="infra")]))
    there = service()
    there["metadata"]["namespace"] = "infra"
    grant = {
        "metadata": metadata("grant", "infra"),
        "spec": {
            "from": [
                {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "apps"}
            ],
            "to": [{"group": "", "kind": "Service"}],
        },
    }

    assert unresolved(obj, services=[there]) == "RefNotPermitted"
    assert unresolved(obj, services=[there], grants=[grant]) is None


def test_filters_are_read() -> None:
    filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": "A", "value": "1"}],
                "add": [{"name": "B", "value": "2"}],
                "remove": ["C"],
            },
        },
        {
            "type": "RequestRedirect",
            "requestRedirect": {"scheme": "https", "port": 19443, "statusCode": 301},
        },
    ]

    (found,) = routes_of(build(world(route(rule(filters=filters)))))

    assert found.request_headers == HeaderChange((("A", "1"),), (("B", "2"),), ("C",))
    assert found.redirect == Redirect(status=301, scheme="https", port=19443)


def test_bad_regular_expression_refuses_the_route_instead_of_breaking_the_gateway() -> None:
    bad = {"path": {"type": "RegularExpression", "value": "/(a"}}
    assert refusal(route(rule(bad))) == "UnsupportedValue"


def test_grpc_methods_become_paths_over_http2() -> None:
    match = {"method": {"service": "shop.Cart", "method": "Add"}}

    (found,) = routes_of(build(world(route(rule(match), kind="GRPCRoute"))))

    assert (found.match.path.type, found.match.path.value) == ("Exact", "/shop.Cart/Add")
    assert found.backends[0].backend is not None
    assert found.backends[0].backend.protocol is BackendProtocol.HTTP2


def test_tls_route_passes_connections_through_by_server_name() -> None:
    tls = listener("tls", 19443, protocol="TLS", tls={"mode": "Passthrough"})
    obj = route(rule(), kind="TLSRoute", hostnames=("a.example.localhost",))

    built = build(world(obj, gateways=[gateway(tls)]))

    (port,) = built.table.ports
    assert [each.hostname for each in port.pass_through] == ["a.example.localhost"]
    assert port.is_tls


def test_policy_rewrites_the_paths_of_the_route_it_is_attached_to() -> None:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "greeter"}
    policy = {
        "apiVersion": "gateway.kgateway.dev/v1alpha1",
        "kind": "TrafficPolicy",
        "metadata": metadata("rewrite"),
        "spec": {
            "targetRefs": [target],
            "urlRewrite": {"pathRegex": {"pattern": "^/a(/.*)?$", "substitution": "/b\\1"}},
        },
    }

    (found,) = routes_of(build(world(route(), policies=[policy])))

    assert found.rewrite == Rewrite(pattern="^/a(/.*)?$", substitution="/b\\1")


def test_second_listener_for_the_same_place_is_in_conflict() -> None:
    one, two = listener("one"), listener("two")
    tls = listener("tls", protocol="TLS", tls={"mode": "Passthrough"})

    built = build(world(gateways=[gateway(one, two, tls)]))

    reasons = [each.conflict.reason if each.conflict else None for each in built.gateways[0][1]]
    assert reasons == [None, "HostnameConflict", "ProtocolConflict"]


def test_gateways_of_other_controllers_are_left_alone() -> None:
    other = gateway(name="other")
    other["spec"]["gatewayClassName"] = "someone-else"

    built = build(world(route(parent={"name": "other"}), gateways=[other]))

    assert built.table.ports == ()
    assert built.gateways == ()
    assert built.parents[0][1] == ()


def test_ending_endpoints_serve_only_while_there_is_no_other() -> None:
    ready = {"ready": True, "serving": True, "terminating": False}
    ending = {"ready": False, "serving": True, "terminating": True}
    starting = {"ready": False, "serving": False, "terminating": False}
    port = service()["spec"]["ports"][0]

    both = endpoint_slice(("127.64.0.1", ready), ("127.64.0.2", ending), ("127.64.0.3", starting))
    assert backends.endpoints(port, [both]) == (Endpoint("127.64.0.1", 8080),)
    last = endpoint_slice(("127.64.0.2", ending))
    assert backends.endpoints(port, [last]) == (Endpoint("127.64.0.2", 8080),)


def accepted(built: Built) -> tuple[str, str, str]:
    ((obj, parents),) = built.parents
    status = gateway_status.route_status(
        obj, parents, controller_name=CONTROLLER, now=datetime(2030, 1, 1, tzinfo=UTC)
    )
    found = status["parents"][0]["conditions"][0]
    return found["status"], found["reason"], found["message"]


DIFFERING = [
    backend(filters=[{"type": "RequestHeaderModifier",
                      "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}]),
    backend("other"),
]  # fmt: skip
OVER = (
    "not carried out here: sessionPersistence over backends that differ in more than their weight"
)

SESSIONS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str, str]]] = [
    ({"type": "Cookie"}, {}, ("True", "Accepted", "")),
    ({"type": "Header", "sessionName": "x-session"}, {}, ("True", "Accepted", "")),
    (
        {"type": "Cookie", "idleTimeout": "5m"},
        {},
        ("True", "Accepted", "not carried out here: sessionPersistence.idleTimeout"),
    ),
    ({"type": "Cookie"}, {"backendRefs": DIFFERING}, ("True", "Accepted", OVER)),
    (
        {"sessionName": "no name"},
        {},
        ("False", "UnsupportedValue", "sessionName: 'no name' is no name of a header"),
    ),
    (
        {"cookieConfig": {"lifetimeType": "Permanent"}},
        {},
        (
            "False",
            "UnsupportedValue",
            "a permanent cookie needs an absoluteTimeout of more than 0s",
        ),
    ),
]


@pytest.mark.parametrize(("spec", "more", "told"), SESSIONS)
def test_status_of_a_route_tells_what_its_sessions_lack(
    spec: dict[str, Any], more: dict[str, Any], told: tuple[str, str, str]
) -> None:
    obj = route(rule(sessionPersistence=spec, **more))
    built = build(world(obj, services=[service(), service("other")]))

    assert accepted(built) == told


def test_without_envoy_sessions_are_not_kept_and_that_is_told() -> None:
    built = build(world(route(rule(sessionPersistence={"type": "Cookie"})), enforced=False))

    assert [each.session for each in built.table.routes()] == [None]
    message = "not carried out here: sessionPersistence, which needs Envoy"
    assert accepted(built) == ("True", "Accepted", message)


def test_sessions_of_different_rules_have_different_names() -> None:
    sticky = rule(prefix("/a"), sessionPersistence={}), rule(prefix("/b"), sessionPersistence={})

    found = [each.session for each in build(world(route(*sticky))).table.routes()]

    assert len({each.name for each in found if each}) == 2
    assert {each.path for each in found if each} == {"/a", "/b"}


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "URLRewrite", "urlRewrite": {"hostname": "a.test"}},
        {"type": "RequestRedirect", "requestRedirect": {"hostname": "a.test"}},
        {"type": "CORS", "cors": {"allowOrigins": ["*"]}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": backend()}},
    ],
)
def test_filter_that_a_backend_cannot_have_closes_its_share(entry: dict[str, Any]) -> None:
    built = build(world(route(rule(backendRefs=[backend(filters=[entry])]))))

    unresolved = built.parents[0][1][0].unresolved
    assert unresolved is not None
    assert unresolved.reason == "UnsupportedValue"
    assert entry["type"] in unresolved.message
    assert [one.backend for each in built.table.routes() for one in each.backends] == [None]


SHARES: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (100, 100)),
    ({"percent": 0}, (0, 100)),
    ({"percent": 40}, (40, 100)),
    ({"fraction": {"numerator": 0}}, (0, 100)),
    ({"fraction": {"numerator": 1, "denominator": 8}}, (1, 8)),
]


@pytest.mark.parametrize(("fields", "share"), SHARES)
def test_share_of_copies(fields: dict[str, Any], share: tuple[int, int]) -> None:
    copies = {"type": "RequestMirror", "requestMirror": {"backendRef": backend(), **fields}}

    (made,) = routes_of(build(world(route(rule(filters=[copies])))))

    assert [(each.numerator, each.denominator) for each in made.mirrors] == [share]


def test_gateway_that_asks_for_another_address_says_where_it_is_served() -> None:
    asking = gateway()
    asking["spec"]["addresses"] = [{"type": "IPAddress", "value": "192.0.2.1"}]
    ((obj, found),) = build(world(gateways=[asking])).gateways

    status = gateway_status.gateway_status(
        obj,
        found,
        addresses=("127.0.0.1",),
        failure=lambda port: "",
        now=datetime(2030, 1, 1, tzinfo=UTC),
    )

    (programmed,) = [each for each in status["conditions"] if each["type"] == "Programmed"]
    assert (programmed["status"], programmed["reason"]) == ("False", "AddressNotUsable")
    assert programmed["message"] == "served on 127.0.0.1 alone, not on 192.0.2.1"


def test_refusals_are_those_of_the_rules_of_a_route() -> None:
    obj = route(rule(prefix("/a")), rule(prefix("/b")), name="greeter")
    ((made, parents),) = build(world(obj)).parents
    found = Refusals(
        {
            "HTTPRoute/apps/greeter/1/0": "bad",
            "HTTPRoute/apps/greeter/1/2": "worse",
            "HTTPRoute/apps/greeter-two/0/0": "another",
            "GRPCRoute/apps/greeter/0/0": "another",
        }
    )

    assert gateway_status.refused_of(made, parents, found) == {1: "bad"}


def test_refusals_of_passed_through_names_are_those_of_their_routes() -> None:
    through = listener(protocol="TLS", tls={"mode": "Passthrough"}, port=19443)
    obj = route(rule(), kind="TLSRoute", hostnames=("a.test",))
    ((made, parents),) = build(world(obj, gateways=[gateway(through)])).parents

    def refused(port: int, name: str) -> dict[int, str]:
        return gateway_status.refused_of(made, parents, Refusals(hosts={(port, name): "bad"}))

    assert refused(19443, "a.test") == {0: "bad"}
    assert refused(19443, "b.test") == {}
    assert refused(19444, "a.test") == {}
