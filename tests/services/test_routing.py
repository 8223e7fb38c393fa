"""Which policies are attached to the routes of a component."""

from __future__ import annotations

from typing import Any

from choreo_local.services import routing


def _policy(name: str, namespace: str = "dp", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def test_policies_are_found_by_their_targets() -> None:
    route = {"kind": "HTTPRoute", "metadata": {"name": "greeter", "namespace": "dp"}}
    mine = {"kind": "HTTPRoute", "name": "greeter"}
    policies = [
        _policy("one", targetRef=mine),
        _policy("several", targetRefs=[{"kind": "Gateway", "name": "g"}, mine]),
        _policy("elsewhere", "other", targetRefs=[mine]),
        _policy("another", targetRefs=[{"kind": "GRPCRoute", "name": "greeter"}]),
        _policy("none"),
    ]

    found = [each["metadata"]["name"] for each in routing.attached(policies, [route])]

    assert found == ["one", "several"]


def test_only_routes_of_the_gateway_api_are_routes() -> None:
    group = "gateway.networking.k8s.io"
    assert routing.is_route({"apiVersion": f"{group}/v1", "kind": "HTTPRoute"})
    assert routing.is_route({"apiVersion": f"{group}/v1alpha2", "kind": "TLSRoute"})
    assert not routing.is_route({"apiVersion": f"{group}/v1", "kind": "Gateway"})
    assert not routing.is_route({"apiVersion": "example.test/v1", "kind": "HTTPRoute"})
