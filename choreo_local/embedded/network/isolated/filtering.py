"""NetworkPolicies as chains of nftables: for each Pod that policies select, what may pass. Pure.

A chain returns what is allowed and drops the rest. `policy.evaluate` says the same of one
connection; the tests compare the two. Whom a policy means is a set of addresses beside the chains,
so that a Pod that comes or goes changes sets and no rules.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from choreo_local.embedded.network import policy
from choreo_local.embedded.network.isolated.nftables.fields import (
    ADDRESS,
    MEANT,
    MEANT_PORT,
    PORT,
    PROTOCOL,
    PROTOCOL_NUMBER,
    SOURCE,
    TARGET,
    TARGET_PORT,
    Field,
    Key,
    Kind,
)
from choreo_local.embedded.network.isolated.nftables.statements import (
    DROP,
    RETURN,
    Between,
    InBlock,
    Is,
    Member,
    Rule,
    Statement,
)
from choreo_local.embedded.network.policy import Peer

Manifest = Mapping[str, Any]
INGRESS, EGRESS = "Ingress", "Egress"
_PEERS = {INGRESS: "from", EGRESS: "to"}
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


@dataclass(frozen=True, slots=True)
class Matches:
    """How the other end of a connection is matched.

    Attributes:
        address: of the other end.
        port: at the end that is connected to.
    """

    address: Field
    port: Field


RECEIVED = Matches(SOURCE, TARGET_PORT)
SENT = Matches(TARGET, TARGET_PORT)
# What the router itself takes over has another destination by then; this is the one that was meant.
DIVERTED = Matches(MEANT, MEANT_PORT)


@dataclass(frozen=True, slots=True)
class Block:
    """Addresses of a CIDR without some."""

    network: IPv4Network
    without: tuple[IPv4Network, ...] = ()

    def has(self, address: str) -> bool:
        """Whether an address is meant."""
        parsed = ipaddress.IPv4Address(address)
        return parsed in self.network and not any(parsed in each for each in self.without)


@dataclass(frozen=True, slots=True)
class Meant:
    """A set of Pods that a rule means, or of their ports of one name.

    Attributes:
        entries: of `from` or `to`, as JSON; "" means every Pod.
        namespace: of the policy.
        port: the name of a port; such sets hold address, protocol and port.
        block: where `entries` are "", limits the Pods to some addresses.
    """

    entries: str
    namespace: str
    port: str = ""
    protocol: str = ""
    block: Block | None = None

    @property
    def name(self) -> str:
        """The name of the set, the same for all rules that mean the same."""
        return _set_name(self)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What a key of the set consists of."""
        return (ADDRESS, PROTOCOL_NUMBER, PORT) if self.port else (ADDRESS,)

    def elements(self, peers: Iterable[Peer]) -> dict[Key, None]:
        """What is in the set."""
        entries = _parsed(self.entries)
        fitting = (each for each in peers if self._fits(entries, each))
        if not self.port:
            return {(each.address,): None for each in fitting}
        return {
            (each.address, self.protocol, each.ports[self.port]): None
            for each in fitting
            if each.is_pod and self.port in each.ports
        }

    def _fits(self, entries: Sequence[Manifest] | None, peer: Peer) -> bool:
        if entries is None:
            return self.block is None or self.block.has(peer.address)
        return any(policy.peer_fits(each, peer, self.namespace) for each in entries)


@lru_cache(maxsize=4096)
def _set_name(meant: Meant) -> str:
    what = f"{meant.entries} {meant.namespace} {meant.port} {meant.protocol} {meant.block}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    return f"{'ports' if meant.port else 'pods'}-{digest}"


@lru_cache(maxsize=4096)
def _parsed(entries: str) -> Sequence[Manifest] | None:
    return json.loads(entries) if entries else None


@dataclass(frozen=True, slots=True)
class Filter:
    """The rules of a Pod's chain, and the sets that they ask."""

    rules: tuple[Rule, ...]
    meant: frozenset[Meant]


@dataclass(frozen=True, slots=True)
class _Line:
    """A rule that allows something, and the sets that it asks."""

    statements: tuple[Statement, ...]
    meant: tuple[Meant, ...] = ()


NOTHING = Filter(((DROP,),), frozenset())


def of_pod(
    policies: Iterable[Manifest], pod: Peer, direction: str, matches: Matches
) -> Filter | None:
    """What may pass; None when no policy selects the Pod in this direction."""
    selecting = [each for each in policies if policy.selects(each, pod, direction)]
    if not selecting:
        return None
    side = _Side(pod, direction, matches)
    lines = [
        line
        for each in selecting
        for rule in each["spec"].get(direction.lower()) or ()
        for line in _rule(rule, side, each["metadata"]["namespace"])
    ]
    rules = dict.fromkeys((*line.statements, RETURN) for line in lines)
    return Filter((*rules, (DROP,)), frozenset(each for line in lines for each in line.meant))


@dataclass(frozen=True, slots=True)
class _Side:
    """The Pod whose chain is made, and for which direction."""

    pod: Peer
    direction: str
    matches: Matches


def _rule(rule: Manifest, side: _Side, namespace: str) -> Iterator[_Line]:
    """The conditions of one rule; an empty one matches everything."""
    others = list(_others(rule.get(_PEERS[side.direction]), namespace))
    entries = list(rule.get("ports") or ())
    if side.direction == EGRESS:
        named = [entry for entry in entries if isinstance(entry.get("port"), str)]
        yield from _by_name(others, named, side.matches)
        entries = [entry for entry in entries if entry not in named]
    ports = [_port(entry, side) for entry in entries] if rule.get("ports") else [()]
    for other in others:
        line = _other(other, side.matches)
        for port in ports:
            if port is not None:
                yield replace(line, statements=(*line.statements, *port))


_Others = Block | Meant


def _others(entries: Sequence[Manifest] | None, namespace: str) -> Iterator[_Others | None]:
    """Who is meant: everybody (None), Pods, blocks. Pods have IPv4 addresses only."""
    if not entries:
        yield None
        return
    selectors = []
    for entry in entries:
        if not entry.get("ipBlock"):
            selectors.append(entry)
        elif isinstance(network := _network(entry["ipBlock"]["cidr"]), IPv4Network):
            without = (_network(each) for each in entry["ipBlock"].get("except") or ())
            yield Block(network, tuple(each for each in without if isinstance(each, IPv4Network)))
    if selectors:
        yield Meant(json.dumps(selectors, sort_keys=True), namespace)


def _network(text: str) -> IPv4Network | IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _other(other: _Others | None, matches: Matches) -> _Line:
    if other is None:
        return _Line(())
    if isinstance(other, Meant):
        return _Line((Member((matches.address,), other.name),), (other,))
    inside = [InBlock(matches.address, other.network)] if other.network.prefixlen else []
    outside = (InBlock(matches.address, each, negated=True) for each in other.without)
    return _Line((*inside, *outside))


def _port(entry: Manifest, side: _Side) -> tuple[Statement, ...] | None:
    """The conditions of one port; None when a name means no port of the Pod."""
    protocol = Is(PROTOCOL, _PROTOCOLS[entry.get("protocol") or "TCP"])
    wanted = entry.get("port")
    if wanted is None:
        return (protocol,)
    if isinstance(wanted, str):
        wanted = side.pod.ports.get(wanted)
        if wanted is None:
            return None
    first, last = int(wanted), int(entry.get("endPort") or wanted)
    field = side.matches.port
    return protocol, Is(field, first) if first == last else Between(field, first, last)


def _by_name(
    others: Iterable[_Others | None], named: Iterable[Manifest], matches: Matches
) -> Iterator[_Line]:
    """Named ports of those that are connected to differ from Pod to Pod.

    What the router takes over was not meant for a Pod.
    """
    if matches == DIVERTED:
        return
    asked = (matches.address, PROTOCOL, matches.port)
    for entry in named:
        protocol = _PROTOCOLS[entry.get("protocol") or "TCP"]
        for other in others:
            if isinstance(other, Meant):
                meant = replace(other, port=entry["port"], protocol=protocol)
            else:
                meant = Meant("", "", entry["port"], protocol, other)
            yield _Line((Member(asked, meant.name),), (meant,))
