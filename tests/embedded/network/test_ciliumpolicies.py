"""CiliumNetworkPolicies: what of them means the same as a NetworkPolicy."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.network.ciliumpolicies import translated
from choreo_local.embedded.network.policy import Connection, Peer, evaluate

RED = {"kubernetes.io/metadata.name": "red", "team": "a"}
BLUE = {"kubernetes.io/metadata.name": "blue", "team": "b"}
WEB = Peer("10.70.0.1", "red", {"app": "web"}, RED)
DB = Peer("10.70.0.2", "red", {"app": "db"}, RED)
FOREIGN = Peer("10.70.0.3", "blue", {"app": "web"}, BLUE)
MACHINE = Peer("169.254.1.1")
OUTSIDE = Peer("192.0.2.7")


def allowed(source: Peer, target: Peer, *, port: int = 80, **spec: Any) -> bool:
    policy = {
        "metadata": {"name": "p", "namespace": "red"},
        "spec": {"endpointSelector": {"matchLabels": {"app": "db"}}, **spec},
    }
    found = translated(policy, pods="10.70.0.0/16", node=MACHINE.address)
    return evaluate(found, Connection(source, target, port)).allowed


def test_a_direction_without_rules_is_open_and_an_empty_rule_closes_it() -> None:
    assert allowed(FOREIGN, DB, ingress=[])
    assert not allowed(WEB, DB, ingress=[{}])
    assert not allowed(WEB, DB, ingress=[{"fromEndpoints": []}])
    assert allowed(DB, WEB, ingress=[{}])
    assert not allowed(DB, WEB, egress=[{}])


def test_endpoints_are_of_the_own_namespace_unless_it_is_named() -> None:
    assert allowed(WEB, DB, ingress=[{"fromEndpoints": [{}]}])
    assert not allowed(FOREIGN, DB, ingress=[{"fromEndpoints": [{}]}])
    blue = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "blue"}}
    assert allowed(FOREIGN, DB, ingress=[{"fromEndpoints": [blue]}])
    assert not allowed(WEB, DB, ingress=[{"fromEndpoints": [blue]}])
    team = {"matchLabels": {"io.cilium.k8s.namespace.labels.team": "b", "k8s:app": "web"}}
    assert allowed(FOREIGN, DB, ingress=[{"fromEndpoints": [team]}])


def test_addresses_outside_are_not_those_of_pods() -> None:
    everywhere = [{"fromCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["198.51.100.0/24"]}]}]
    assert allowed(OUTSIDE, DB, ingress=everywhere)
    assert not allowed(WEB, DB, ingress=everywhere)
    assert not allowed(Peer("198.51.100.1"), DB, ingress=everywhere)
    assert allowed(DB, OUTSIDE, egress=[{"toCIDR": ["192.0.2.0/24"]}])


def test_entities() -> None:
    def may(entity: str, target: Peer) -> bool:
        return allowed(DB, target, egress=[{"toEntities": [entity]}])

    assert [may("all", each) for each in (WEB, MACHINE, OUTSIDE)] == [True, True, True]
    assert [may("cluster", each) for each in (WEB, MACHINE, OUTSIDE)] == [True, False, False]
    assert [may("world", each) for each in (WEB, MACHINE, OUTSIDE)] == [False, False, True]
    assert [may("host", each) for each in (WEB, MACHINE, OUTSIDE)] == [False, True, False]
    assert not may("unheard-of", WEB)


def test_ports_are_texts_with_ranges_and_names() -> None:
    def opened(**port: Any) -> list[dict[str, Any]]:
        return [{"toPorts": [{"ports": [port]}]}]

    assert allowed(WEB, DB, ingress=opened(port="80"))
    assert not allowed(WEB, DB, ingress=opened(port="80", protocol="UDP"))
    assert allowed(WEB, DB, ingress=opened(port="70", endPort=90, protocol="TCP"))
    assert not allowed(WEB, DB, ingress=opened(port="81"))
    assert allowed(WEB, DB, ingress=opened(port="0", protocol="ANY"))


def test_what_is_not_covered_or_cannot_be_read_opens_nothing() -> None:
    assert not allowed(WEB, DB, ingressDeny=[{"fromEndpoints": [{}]}], ingress=[{}])
    assert not allowed(DB, OUTSIDE, egress=[{"toFQDNs": [{"matchName": "example.com"}]}])
    assert not allowed(WEB, DB, ingress=[{"fromCIDR": ["not a block"]}])
    assert not allowed(WEB, DB, ingress="everything")
