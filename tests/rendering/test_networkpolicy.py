"""Network policies."""

from __future__ import annotations

from typing import Any

from choreo_local.rendering import networkpolicy

TARGET = networkpolicy.Target("web", "cell", "default", "dev", {"app": "web"})
ENDPOINTS = {
    "b": {"type": "HTTP", "port": 80, "targetPort": 8080, "visibility": ["external", "internal"]},
    "a": {"type": "UDP", "port": 53, "visibility": ["namespace"]},
}


def ports(policy: dict[str, Any]) -> list[list[tuple[Any, Any]]]:
    return [
        [(p["port"], p["protocol"]) for p in rule["ports"]] for rule in policy["spec"]["ingress"]
    ]


def test_component_without_endpoints_takes_no_traffic() -> None:
    policy = networkpolicy.build(TARGET, None)

    assert policy["metadata"] == {"name": "openchoreo-web", "namespace": "cell"}
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress"],
    }


def test_pod_ports_are_opened_as_far_as_the_visibility_says() -> None:
    assert ports(networkpolicy.build(TARGET, ENDPOINTS)) == [
        [(53, "UDP"), (8080, "TCP")],
        [(53, "UDP")],
        [(8080, "TCP"), (8080, "TCP")],
    ]


def test_cilium_tells_http_from_other_traffic() -> None:
    policy = networkpolicy.build(TARGET, ENDPOINTS, provider="cilium")

    assert policy["kind"] == "CiliumNetworkPolicy"
    assert policy["spec"]["ingress"][0]["toPorts"] == [
        {"ports": [{"port": "8080", "protocol": "TCP"}], "rules": {"http": [{}]}},
        {"ports": [{"port": "53", "protocol": "UDP"}]},
    ]


def test_data_plane_names_its_provider() -> None:
    annotations = {"openchoreo.dev/networkpolicyprovider": "cilium"}

    assert networkpolicy.provider_of({"metadata": {"annotations": annotations}}) == "cilium"
    assert networkpolicy.provider_of({"metadata": {}}) == ""
