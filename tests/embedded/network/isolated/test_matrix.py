"""Real connections between pods under many policies, compared with the model."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from choreo_local import clock
from choreo_local.embedded.network import ciliumpolicies
from choreo_local.embedded.network.isolated import tables
from choreo_local.embedded.network.isolated.namespaces import Namespaces, listening
from choreo_local.embedded.network.isolated.router import GATEWAY, Link, Router
from choreo_local.embedded.network.isolated.ruleset import End, World
from choreo_local.embedded.network.policy import Connection, Peer, evaluate
from tests.embedded.network.isolated.machine import sandbox_tools

PORTS = (8080, 8081)
_DEADLINE_SECONDS = 60
_SETTLE_SECONDS = 0.05
_TEAMS = {"red": {"team": "a", "kubernetes.io/metadata.name": "red"}, "blue": {"team": "b"}}
_PODS: tuple[tuple[str, str, dict[str, str], dict[str, int]], ...] = (
    ("red", "web", {"app": "web", "tier": "front"}, {}),
    ("red", "db", {"app": "db"}, {"sql": 8081}),
    ("blue", "web", {"app": "web"}, {"http": 8080}),
    ("blue", "db", {"app": "db", "tier": "back"}, {"sql": 8080}),
    ("green", "web", {"app": "web", "system": "yes"}, {"http": 8081}),
    ("green", "job", {}, {}),
)
Manifest = dict[str, Any]
Attempt = tuple[int, int, int, str]


def policy(namespace: str, selector: Manifest | None = None, **spec: Any) -> Manifest:
    metadata = {"name": "p", "namespace": namespace}
    return {"metadata": metadata, "spec": {"podSelector": selector or {}, **spec}}


def labels(**wanted: str) -> Manifest:
    return {"matchLabels": wanted}


def expression(key: str, operator: str, *values: str) -> Manifest:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def pods(selector: Manifest) -> Manifest:
    return {"podSelector": selector}


def spaces(selector: Manifest, **more: Any) -> Manifest:
    return {"namespaceSelector": selector, **more}


def cilium(namespace: str, **rule: Any) -> list[Manifest]:
    metadata = {"name": "c", "namespace": namespace}
    spec = {"endpointSelector": {}, "ingress": [rule]}
    found = {"metadata": metadata, "spec": spec}
    return ciliumpolicies.translated(found, pods="10.0.0.0/8", node="169.254.1.1")


DB, WEB, TEAM_A, TEAM_B = labels(app="db"), labels(app="web"), labels(team="a"), labels(team="b")
CELL = {"from": [pods({})]}
BLOCK = {"cidr": "10.0.0.0/8"}
# What each is about, and the policies of the case.
CASES: dict[str, list[Manifest]] = {
    "none": [],
    "all ingress denied": [policy("red", ingress=[])],
    "all egress denied": [policy("red", policyTypes=["Egress"])],
    "both denied": [policy("blue", policyTypes=["Ingress", "Egress"])],
    "one pod denied": [policy("red", DB, ingress=[])],
    "everything allowed": [policy("red", ingress=[{}])],
    "own namespace": [policy("red", ingress=[CELL])],
    "a label of pods": [policy("red", DB, ingress=[{"from": [pods(WEB)]}])],
    "namespaces by label": [policy("red", ingress=[{"from": [spaces(TEAM_B)]}])],
    "all namespaces": [policy("red", ingress=[{"from": [spaces({})]}])],
    "pods of namespaces": [policy("red", DB, ingress=[{"from": [spaces(TEAM_B, **pods(WEB))]}])],
    "namespace or pods": [policy("red", ingress=[{"from": [spaces(TEAM_B), pods(WEB)]}])],
    "a system component": [
        policy("blue", ingress=[{"from": [spaces({}, **pods(expression("system", "Exists")))]}])
    ],
    "labels that exist not": [
        policy("red", ingress=[{"from": [spaces(expression("team", "DoesNotExist"))]}])
    ],
    "labels among some": [
        policy("red", expression("app", "In", "db", "x"), ingress=[{"from": [spaces({})]}])
    ],
    "labels not among some": [policy("red", expression("app", "NotIn", "db"), ingress=[])],
    "a port": [policy("red", ingress=[{"ports": [{"port": 8080}]}])],
    "a port of a protocol": [
        policy("red", ingress=[{"ports": [{"port": 8080, "protocol": "UDP"}]}])
    ],
    "a protocol": [policy("red", ingress=[{"ports": [{"protocol": "TCP"}]}])],
    "a range of ports": [policy("red", ingress=[{"ports": [{"port": 8000, "endPort": 8080}]}])],
    "a named port": [policy("red", ingress=[{"ports": [{"port": "sql"}]}])],
    "a name that pods give differently": [policy("blue", ingress=[{"ports": [{"port": "http"}]}])],
    "a port of some peers": [
        policy("red", DB, ingress=[{"from": [spaces(TEAM_B)], "ports": [{"port": 8081}]}, CELL])
    ],
    "a block": [policy("red", ingress=[{"from": [{"ipBlock": BLOCK}]}])],
    "a block that nobody is in": [
        policy("red", ingress=[{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}])
    ],
    "a block without some": [
        policy("red", ingress=[{"from": [{"ipBlock": {**BLOCK, "except": ["10.0.0.0/9"]}}]}])
    ],
    "a block of IPv6": [policy("red", ingress=[{"from": [{"ipBlock": {"cidr": "::/0"}}]}])],
    "egress to a namespace": [
        policy("red", policyTypes=["Egress"], egress=[{"to": [spaces(TEAM_B)]}])
    ],
    "egress to pods and a port": [
        policy("red", egress=[{"to": [spaces({}, **pods(DB))], "ports": [{"port": 8080}]}])
    ],
    "egress to a named port": [policy("red", egress=[{"ports": [{"port": "http"}]}])],
    "egress to a named port of pods": [
        policy("green", egress=[{"to": [spaces({}, **pods(DB))], "ports": [{"port": "sql"}]}])
    ],
    "egress to a block": [policy("green", egress=[{"to": [{"ipBlock": BLOCK}]}])],
    "egress and ingress of both ends": [
        policy("red", egress=[{"to": [spaces(TEAM_B)]}]),
        policy("blue", DB, ingress=[{"from": [spaces(TEAM_A)], "ports": [{"port": 8080}]}]),
    ],
    "what several allow": [
        policy("red", DB, ingress=[{"from": [spaces(TEAM_B)]}]),
        policy("red", DB, ingress=[{"from": [pods(WEB)], "ports": [{"port": 8081}]}]),
        policy("red", ingress=[]),
    ],
    "a peer that does not exist": [policy("red", ingress=[{"from": [pods(labels(app="no"))]}])],
    "cilium: own namespace": cilium("red", fromEndpoints=[{}]),
    "cilium: nobody": cilium("red"),
    "cilium: labels of any namespace": cilium(
        "blue",
        fromEndpoints=[
            {
                "matchExpressions": [
                    {"key": "system", "operator": "Exists"},
                    {"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"},
                ]
            }
        ],
    ),
    "cilium: a namespace and a port": cilium(
        "blue",
        fromEndpoints=[labels(**{"k8s:io.kubernetes.pod.namespace": "red", "any:app": "web"})],
        toPorts=[
            {"ports": [{"port": "8080", "protocol": "TCP"}], "rules": {"http": [{}]}},
            {"ports": [{"port": "sql"}]},
        ],
    ),
    "cilium: the whole cluster": cilium("red", fromEntities=["cluster"]),
    "cilium: only what is outside": cilium("red", fromCIDR=["0.0.0.0/0"]),
    "several policies of several cells": [
        policy("red", ingress=[CELL]),
        policy("blue", ingress=[CELL, {"from": [spaces(TEAM_A, **pods(WEB))]}]),
        policy("green", ingress=[CELL]),
    ],
}


class Field:
    """Pods of several namespaces, all listening, and the rules between them."""

    def __init__(self) -> None:
        self.namespaces = Namespaces()
        self.router = Router(self.namespaces, clock.new_uid())
        self.ends: list[End] = []
        self.links: list[Link] = []
        self.listening: dict[tuple[int, int, str], socket.socket] = {}
        for number, (namespace, _, own, ports) in enumerate(_PODS):
            address = self.router.network.network_address + 16 + number
            link = self.router.add_pod(address)
            teams = _TEAMS.get(namespace, {})
            self.links.append(link)
            self.ends.append(End(link.name, Peer(str(address), namespace, own, teams, ports)))
            self._listen(number, link)

    def _listen(self, number: int, link: Link) -> None:
        for port in PORTS:
            for protocol, kind in (("TCP", socket.SOCK_STREAM), ("UDP", socket.SOCK_DGRAM)):
                self.listening[number, port, protocol] = self.namespaces.inside(
                    link.namespace,
                    lambda p=port, k=kind: listening("0.0.0.0", p, k),  # type: ignore[misc]
                )

    def load(self, policies: list[Manifest]) -> None:
        world = World(
            self.router.network, str(GATEWAY), 1, Peer(str(GATEWAY)), self.ends, {}, policies
        )
        self.router.load(tables.table(world))

    def expected(self, policies: list[Manifest]) -> set[Attempt]:
        return {
            (source, target, port, protocol)
            for source, target in permutations(range(len(_PODS)), 2)
            for port in PORTS
            for protocol in ("TCP", "UDP")
            if evaluate(
                policies,
                Connection(self.ends[source].peer, self.ends[target].peer, port, protocol),
            ).allowed
        }

    def observed(self, expected: set[Attempt]) -> set[Attempt]:
        """What arrives; waits for all that should, and then a little for what should not."""
        trying: dict[int, tuple[Attempt, socket.socket]] = {}
        for source, target in permutations(range(len(_PODS)), 2):
            for port in PORTS:
                found = self._open(source, socket.SOCK_STREAM)
                found.connect_ex((self.ends[target].peer.address, port))
                trying[found.fileno()] = ((source, target, port, "TCP"), found)
                with self._open(source, socket.SOCK_DGRAM) as datagrams:
                    place = (self.ends[target].peer.address, port)
                    datagrams.sendto(f"{source} {target} {port}".encode(), place)
        arrived: set[Attempt] = set()
        until = time.monotonic() + _DEADLINE_SECONDS
        while not expected <= arrived and time.monotonic() < until:
            arrived |= self._arrived(trying)
        time.sleep(_SETTLE_SECONDS)
        arrived |= self._arrived(trying)
        for _, found in trying.values():
            found.close()
        return arrived

    def _open(self, pod: int, kind: socket.SocketKind) -> socket.socket:
        namespace = self.links[pod].namespace
        found = self.namespaces.inside(namespace, lambda: socket.socket(socket.AF_INET, kind))
        found.setblocking(False)
        return found

    def _arrived(self, trying: dict[int, tuple[Attempt, socket.socket]]) -> set[Attempt]:
        poll = select.poll()
        for number in trying:
            poll.register(number, select.POLLOUT)
        found = {
            trying[number][0]
            for number, events in poll.poll(20)
            if not events & (select.POLLERR | select.POLLHUP)
        }
        for (_, port, protocol), listener in self.listening.items():
            if protocol == "UDP":
                while (data := _received(listener)) is not None:
                    source, target, _ = (int(word) for word in data.split())
                    found.add((source, target, port, "UDP"))
            else:
                while _accepted(listener):
                    pass
        return found

    def close(self) -> None:
        for listener in self.listening.values():
            listener.close()
        for link in self.links:
            self.router.remove_pod(link)
        self.router.close()
        self.namespaces.close()


def _received(listener: socket.socket) -> bytes | None:
    try:
        return listener.recv(64)
    except BlockingIOError:
        return None


def _accepted(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    sandbox_tools()
    found = Field()
    yield found
    found.close()


@pytest.mark.parametrize("case", CASES)
def test_the_kernel_allows_what_the_model_allows(field: Field, case: str) -> None:
    policies = CASES[case]
    field.load(policies)
    expected = field.expected(policies)
    assert field.observed(expected) == expected


def test_the_model_tells_the_cases_apart(field: Field) -> None:
    results = {frozenset(field.expected(policies)) for policies in CASES.values()}
    assert len(CASES) > 30
    assert len(results) > 25


def test_a_pod_that_is_not_known_yet_is_cut_off(field: Field) -> None:
    known = field.ends
    field.ends = [End(known[0].link, Peer(known[0].peer.address), is_known=False), *known[1:]]
    try:
        field.load([])
        expected = {
            attempt for attempt in field.expected([]) if attempt[0] != 0 and attempt[1] != 0
        }
        assert field.observed(expected) == expected
    finally:
        field.ends = known


def test_nobody_sends_in_the_name_of_another_pod(field: Field) -> None:
    field.load([])
    victim, target = field.ends[1].peer.address, field.ends[2].peer.address

    def forge() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
            forger.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT: any source address
            forger.bind((victim, 0))
            forger.sendto(b"0 2 8080", (target, PORTS[0]))

    field.namespaces.inside(field.links[0].namespace, forge)
    honest = field.expected([])
    assert (0, 2, 8080, "UDP") in honest
    # The forged datagram would have come before the honest ones.
    listener = field.listening[2, PORTS[0], "UDP"]
    sender = field._open(1, socket.SOCK_DGRAM)
    sender.sendto(b"1 2 8080", (target, PORTS[0]))
    sender.close()
    select.select([listener], [], [], _DEADLINE_SECONDS)
    assert listener.recv(64) == b"1 2 8080"
