"""Addresses of Services of type LoadBalancer: given once, kept, taken back."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from choreo_local.embedded.controllermanager import loadbalancers
from choreo_local.embedded.controllermanager.plans import Verb

POOL = IPv4Network("127.130.0.0/30")
FIRST, SECOND = POOL.hosts()


def balanced(*told: str, **spec: Any) -> dict[str, Any]:
    ingress = [{"ip": each} for each in told]
    return {
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": ingress} if told else {}, "conditions": []},
    }


def told(service: dict[str, Any], *taken: IPv4Address) -> list[str] | None:
    """The addresses that the status shall tell; None when it stays as it is."""
    plan = loadbalancers.plan(service, POOL, taken)
    if not plan.writes:
        return None
    (write,) = plan.writes
    assert write.verb is Verb.UPDATE_STATUS
    assert write.obj["status"]["conditions"] == []
    return [each["ip"] for each in write.obj["status"]["loadBalancer"].get("ingress", [])]


def test_the_first_free_address_is_given() -> None:
    assert told(balanced()) == [str(FIRST)]
    assert told(balanced(), FIRST) == [str(SECOND)]


def test_an_address_is_kept_unless_another_service_has_it() -> None:
    assert told(balanced(str(SECOND))) is None
    assert told(balanced(str(SECOND)), SECOND) == [str(FIRST)]


def test_no_address_is_left() -> None:
    plan = loadbalancers.plan(balanced(), POOL, {FIRST, SECOND})
    assert not plan.writes
    assert [(note.reason, note.warning) for note in plan.notes] == [
        ("SyncLoadBalancerFailed", True)
    ]


def test_an_address_is_taken_back_when_the_type_changes() -> None:
    assert told(balanced(str(FIRST), type="ClusterIP")) == []
    assert told(balanced(type="ClusterIP")) is None


def test_balancers_of_others_are_theirs() -> None:
    assert told(balanced(loadBalancerClass="example.com/own")) is None
    assert told(balanced("192.0.2.1", loadBalancerClass="example.com/own")) is None
