"""NetworkPolicies as chains of nftables: for each Pod that policies select, what may pass. Pure.

A chain returns what is allowed and drops the rest. `policy.evaluate` says the same of one
connection; the tests compare the two.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.network import policy
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
        port: at the end that is connected to; takes a protocol.
    """

    address: str
    port: str


RECEIVED = Matches("ip saddr", "{} dport")
SENT = Matches("ip daddr", "{} dport")
# What the router itself takes over has another destination by then; this is the one that was meant.
DIVERTED = Matches("ct original ip daddr", "meta l4proto {} ct original proto-dst")


def lines(
    policies: Iterable[Manifest],
    pod: Peer,
    direction: str,
    *,
    peers: Sequence[Peer],
    matches: Matches,
) -> list[str] | None:
    """The rules of a Pod's chain; None when no policy selects the Pod in this direction."""
    selecting = [each for each in policies if policy.selects(each, pod, direction)]
    if not selecting:
        return None
    found = [
        f"{line} return".strip()
        for each in selecting
        for rule in each["spec"].get(direction.lower()) or ()
        for line in _rule(
            rule, _Side(pod, direction, matches), each["metadata"]["namespace"], peers
        )
    ]
    return [*dict.fromkeys(found), "drop"]


@dataclass(frozen=True, slots=True)
class _Side:
    """The Pod whose chain is made, and for which direction."""

    pod: Peer
    direction: str
    matches: Matches


def _rule(rule: Manifest, side: _Side, namespace: str, peers: Sequence[Peer]) -> Iterator[str]:
    """The conditions of one rule; an empty one matches everything."""
    matches = side.matches
    others = list(_others(rule.get(_PEERS[side.direction]), namespace, peers))
    entries = list(rule.get("ports") or ())
    if side.direction == EGRESS:
        named = [entry for entry in entries if isinstance(entry.get("port"), str)]
        yield from _by_name(others, named, peers, matches)
        entries = [entry for entry in entries if entry not in named]
    ports = [_port(entry, side.pod, matches) for entry in entries] if rule.get("ports") else [""]
    for other in others:
        for port in ports:
            if port is not None:
                yield f"{_other(other, matches)} {port}".strip()


@dataclass(frozen=True, slots=True)
class _Block:
    """Addresses of a CIDR without some."""

    cidr: str
    without: tuple[str, ...] = ()


_Others = _Block | tuple[str, ...] | None


def _others(
    entries: Sequence[Manifest] | None, namespace: str, peers: Sequence[Peer]
) -> Iterator[_Others]:
    """Who is meant: everybody (None), addresses of Pods, blocks."""
    if not entries:
        yield None
        return
    addresses: dict[str, None] = {}
    for entry in entries:
        if entry.get("ipBlock"):
            block = entry["ipBlock"]
            without = tuple(str(_network(each)) for each in block.get("except") or ())
            yield _Block(str(_network(block["cidr"])), without)
            continue
        fitting = (each for each in peers if policy.peer_fits(entry, each, namespace))
        addresses |= {each.address: None for each in fitting}
    if addresses:
        yield tuple(addresses)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _other(other: _Others, matches: Matches) -> str:
    if other is None:
        return ""
    if isinstance(other, tuple):
        return f"{matches.address} {{ {', '.join(other)} }}"
    if ":" in other.cidr:
        # Pods have IPv4 addresses only.
        return f"{matches.address} != 0.0.0.0/0"
    found = f"{matches.address} {other.cidr}"
    without = [each for each in other.without if ":" not in each]
    return found + "".join(f" {matches.address} != {each}" for each in without)


def _port(entry: Manifest, pod: Peer, matches: Matches) -> str | None:
    """The condition of one port; None when a name means no port of the Pod."""
    protocol = _PROTOCOLS[entry.get("protocol") or "TCP"]
    wanted = entry.get("port")
    if wanted is None:
        return f"meta l4proto {protocol}"
    if isinstance(wanted, str):
        wanted = pod.ports.get(wanted)
        if wanted is None:
            return None
    first, last = int(wanted), int(entry.get("endPort") or wanted)
    numbers = str(first) if first == last else f"{first}-{last}"
    return f"{matches.port.format(protocol)} {numbers}"


def _by_name(
    others: Iterable[_Others], named: Iterable[Manifest], peers: Sequence[Peer], matches: Matches
) -> Iterator[str]:
    """Named ports of those that are connected to differ from Pod to Pod."""
    for other in others:
        for peer in peers:
            if not peer.is_pod or not _means(other, peer.address):
                continue
            for entry in named:
                port = _port(entry, peer, matches)
                if port is not None:
                    yield f"{matches.address} {peer.address} {port}"


def _means(other: _Others, address: str) -> bool:
    if other is None:
        return True
    if isinstance(other, tuple):
        return address in other
    parsed = ipaddress.ip_address(address)
    return parsed in _network(other.cidr) and not any(
        parsed in _network(each) for each in other.without
    )
