"""Tables for tests, which between them have every statement."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from choreo_local.embedded.network.isolated import tables
from choreo_local.embedded.network.isolated.nftables.table import Table
from choreo_local.embedded.network.isolated.ruleset import End, Service, World
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint

Manifest = dict[str, Any]
_NETWORK = IPv4Network("10.64.0.0/16")


def end(number: int, namespace: str = "a", *, known: bool = True, **labels: str) -> End:
    address = str(IPv4Address(int(_NETWORK.network_address) + 16 + number))
    peer = Peer(address, namespace, labels, {"name": namespace}, {"http": 8080 + number % 2})
    return End(f"pod{number}", peer, is_known=known)


def policy(namespace: str, selector: Manifest | None = None, **spec: Any) -> Manifest:
    metadata = {"name": "p", "namespace": namespace}
    return {"metadata": metadata, "spec": {"podSelector": selector or {}, **spec}}


def world(
    ends: list[End],
    policies: list[Manifest] | None = None,
    services: dict[Entrance, Service] | None = None,
) -> World:
    return World(
        _NETWORK, "169.254.1.1", 4000, Peer("169.254.1.1"), ends, services or {}, policies or []
    )


def some_policies() -> list[Manifest]:
    web = {"podSelector": {"matchLabels": {"app": "web"}}}
    other = {"namespaceSelector": {"matchLabels": {"name": "b"}}}
    block = {"cidr": "10.64.0.0/17", "except": ["10.64.0.0/30", "10.64.7.7/32"]}
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0"}}
    return [
        policy("a", ingress=[{"from": [web, other], "ports": [{"port": 8080}]}]),
        policy("a", ingress=[{"from": [{"ipBlock": block}], "ports": [{"protocol": "UDP"}]}]),
        policy("a", egress=[{"to": [web], "ports": [{"port": "http"}]}, {"to": [everywhere]}]),
        policy("b", egress=[{"ports": [{"port": 53, "protocol": "UDP"}, {"port": "http"}]}]),
        policy("b", ingress=[{"ports": [{"port": 8000, "endPort": 8100}]}, {"ports": []}]),
        policy("b", egress=[{"to": [{"ipBlock": block}], "ports": [{"port": "http"}]}]),
    ]


def some_services() -> dict[Entrance, Service]:
    places = [Endpoint("10.64.0.16", 8080), Endpoint("10.64.0.17", 8081)]
    return {
        Entrance("127.96.0.1", 80, "TCP"): Service(places),
        Entrance("127.96.0.1", 80, "UDP"): Service(places, sticky=True),
        Entrance("127.96.0.2", 443, "TCP"): Service(places[:1]),
        Entrance("127.96.0.3", 443, "TCP"): Service([]),
    }


def everything() -> Table:
    ends = [end(0, app="web"), end(1, app="db"), end(2, "b", app="web"), end(3, known=False)]
    return tables.table(world(ends, some_policies(), some_services()))


def later() -> Table:
    """What becomes of it: Pods, policies and endpoints came, went and changed."""
    ends = [end(0, app="db"), end(2, "b", app="web"), end(3, app="web"), end(4, "b", known=False)]
    places = [Endpoint("10.64.0.18", 8080)]
    services = some_services() | {Entrance("127.96.0.2", 443, "TCP"): Service(places)}
    del services[Entrance("127.96.0.1", 80, "UDP")]
    return tables.table(world(ends, some_policies()[1:], services))
