"""NetworkPolicies: what is allowed."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.network.policy import Connection, Peer, Verdict, evaluate

WEB = Peer("10.0.0.1", "shop", {"app": "web"}, {"team": "a"})
DB = Peer("10.0.0.2", "shop", {"app": "db"}, {"team": "a"}, {"sql": 5432})
FOREIGN = Peer("10.0.0.3", "other", {"app": "web"}, {"team": "b"})
OUTSIDE = Peer("192.0.2.7")


def policy(selects: dict[str, str], namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": selects}, **spec},
    }


def allowed(source: Peer, target: Peer, *policies: dict[str, Any], port: int = 5432) -> bool:
    return evaluate(policies, Connection(source, target, port)).allowed


def test_pods_without_a_policy_are_open() -> None:
    assert allowed(FOREIGN, DB)
    assert allowed(FOREIGN, DB, policy({"app": "db"}, namespace="other"))


def test_selected_pod_is_closed_but_for_what_is_allowed() -> None:
    closed = policy({"app": "db"}, ingress=[])
    assert evaluate([closed], Connection(WEB, DB, 5432)) == Verdict(
        allowed=False, refused_by=("shop/p",)
    )
    from_web = policy(
        {"app": "db"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]
    )
    assert allowed(WEB, DB, closed, from_web)
    assert not allowed(FOREIGN, DB, from_web)


def test_namespaces_are_chosen_by_their_labels() -> None:
    peer = {
        "namespaceSelector": {"matchLabels": {"team": "b"}},
        "podSelector": {"matchLabels": {"app": "web"}},
    }
    rule = policy({"app": "db"}, ingress=[{"from": [peer]}])
    assert allowed(FOREIGN, DB, rule)
    assert not allowed(WEB, DB, rule)
    everywhere = policy({"app": "db"}, ingress=[{"from": [{"namespaceSelector": {}}]}])
    assert allowed(WEB, DB, everywhere)
    assert not allowed(OUTSIDE, DB, everywhere)


def test_ports_by_number_range_name_and_protocol() -> None:
    def opened(**port: Any) -> dict[str, Any]:
        return policy({"app": "db"}, ingress=[{"ports": [port]}])

    assert allowed(WEB, DB, opened(port=5432))
    assert not allowed(WEB, DB, opened(port=80))
    assert allowed(WEB, DB, opened(port=5000, endPort=6000))
    assert allowed(WEB, DB, opened(port="sql"))
    assert not allowed(WEB, DB, opened(port="sql", protocol="UDP"))
    assert allowed(WEB, DB, opened(protocol="TCP"))


def test_addresses_outside_are_chosen_by_blocks() -> None:
    block = {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}
    rule = policy({"app": "db"}, ingress=[{"from": [{"ipBlock": block}]}])
    assert allowed(OUTSIDE, DB, rule)
    assert not allowed(Peer("192.0.2.200"), DB, rule)


def test_egress_and_ingress_must_both_allow() -> None:
    no_egress = policy({"app": "web"}, policyTypes=["Egress"])
    to_db = policy(
        {"app": "web"}, egress=[{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}]
    )
    assert not allowed(WEB, DB, no_egress)
    assert allowed(WEB, DB, no_egress, to_db)
    assert not allowed(WEB, DB, to_db, policy({"app": "db"}, ingress=[]))
    assert allowed(DB, OUTSIDE, to_db)
