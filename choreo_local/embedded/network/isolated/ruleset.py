"""The rules of the router's namespace as text for nftables. Pure.

Services are reached by translating their addresses, policies are chains of the Pods that they
select, and what leaves the Pods' network is taken to a relay of ours. The whole table is replaced
at once; connections that exist stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from choreo_local.embedded.network.isolated import filtering
from choreo_local.embedded.network.isolated.filtering import DIVERTED, EGRESS, INGRESS
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint

TABLE = "choreo"
UPLINK = "up0"
POD_LINKS = "pod"
_SERVICE_ADDRESSES = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class End:
    """A Pod's end of its link.

    Attributes:
        link: name of the router's end.
        is_known: whether its labels are; until then nothing passes.
    """

    link: str
    peer: Peer
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """Where connections to an entrance go; clients come back to the same with `sticky`."""

    endpoints: Sequence[Endpoint]
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What the rules are made of.

    Attributes:
        network: all addresses of Pods.
        gateway: the router's address, as Pods see it.
        exit_port: where the relay for connections that leave listens.
        resolver: the peer that the DNS of the cluster is to policies.
    """

    network: IPv4Network
    gateway: str
    exit_port: int
    resolver: Peer
    ends: Sequence[End] = ()
    services: Mapping[Entrance, Service] = field(default_factory=dict)
    policies: Sequence[Mapping[str, Any]] = ()


def text(world: World) -> str:
    """A script for `nft -f`."""
    head = [f"add table ip {TABLE}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    chains = [*_addressing(world), *_passing(world)]
    return "\n".join([*head, *chains, "}", ""])


def _chain(name: str, lines: Iterable[str]) -> str:
    body = "".join(f"\n    {line}" for line in lines)
    return f"  chain {name} {{{body}\n  }}"


def _hook(kind: str, hook: str, priority: str) -> str:
    return f"type {kind} hook {hook} priority {priority}; policy accept;"


def _set(elements: Iterable[str]) -> str:
    return f"{{ {', '.join(elements)} }}"


# --- where packets go ----------------------------------------------------------------------------


def _addressing(world: World) -> Iterator[str]:
    served = {each: found for each, found in world.services.items() if found.endpoints}
    names = {entrance: f"service-{number}" for number, entrance in enumerate(served)}
    for entrance, service in served.items():
        yield _chain(names[entrance], [_spread(entrance, service)])
    translate = [_hook("nat", "prerouting", "dstnat")]
    if names:
        verdicts = (f"{_key(each)} : goto {name}" for each, name in names.items())
        translate.append(f"ip daddr . meta l4proto . th dport vmap {_set(verdicts)}")
    exit_ = f"{world.gateway}:{world.exit_port}"
    inside = _set([str(world.network), str(_SERVICE_ADDRESSES), f"{world.gateway}/32"])
    leaving = f"meta l4proto tcp ip daddr != {inside} dnat to {exit_}"
    links = [f'iifname "{POD_LINKS}*"', f'iifname "{UPLINK}"']
    yield _chain("translate", [*translate, *(f"{link} {leaving}" for link in links)])
    yield _chain(
        "unserved",
        [
            _hook("filter", "prerouting", "filter"),
            f'iifname "{POD_LINKS}*" ip daddr {_SERVICE_ADDRESSES} reject',
        ],
    )
    yield _chain("own", [_hook("nat", "postrouting", "srcnat"), *_own(world)])


def _key(entrance: Entrance) -> str:
    return f"{entrance.address} . {entrance.protocol.lower()} . {entrance.port}"


def _spread(entrance: Entrance, service: Service) -> str:
    count = len(service.endpoints)
    choice = f"jhash ip saddr mod {count}" if service.sticky else f"numgen random mod {count}"
    places = (
        f"{number} : {each.address} . {each.port}" for number, each in enumerate(service.endpoints)
    )
    protocol = entrance.protocol.lower()
    return f"meta l4proto {protocol} dnat to {choice} map {_set(places)}"


def _own(world: World) -> Iterator[str]:
    """A Pod that reaches itself by a Service must not see its own address as the sender."""
    pairs = [f"{end.peer.address} . {end.peer.address}" for end in world.ends]
    if pairs:
        yield f"ct status dnat ip saddr . ip daddr {_set(pairs)} masquerade"


# --- what may pass -------------------------------------------------------------------------------


def _passing(world: World) -> Iterator[str]:
    forward: dict[str, dict[str, str]] = {"ip saddr": {}, "ip daddr": {}}
    diverted: dict[str, str] = {}
    peers = [*(end.peer for end in world.ends), world.resolver]
    for end in world.ends:
        for place, (name, lines) in _restrictions(world, end, peers).items():
            yield _chain(name, lines)
            target = diverted if place == "diverted" else forward[place]
            target[end.peer.address] = name
    yield _chain("genuine", [_hook("filter", "prerouting", "raw"), *_genuine(world.ends)])
    established = "ct state established,related accept"
    rules = [_hook("filter", "forward", "filter"), established, f'iifname "{UPLINK}" accept']
    rules += [_jumps(match, chains) for match, chains in forward.items() if chains]
    yield _chain("forward", rules)
    rules = [_hook("filter", "input", "filter"), established]
    rules += [_jumps(f'iifname "{POD_LINKS}*" ip saddr', diverted)] if diverted else []
    yield _chain("input", rules)


def _jumps(match: str, chains: Mapping[str, str]) -> str:
    verdicts = (f"{address} : jump {name}" for address, name in chains.items())
    return f"{match} vmap {_set(verdicts)}"


def _restrictions(
    world: World, end: End, peers: Sequence[Peer]
) -> dict[str, tuple[str, list[str]]]:
    """The chains of a Pod, by what leads to them."""
    found: dict[str, tuple[str, list[str]]] = {}
    for place, direction, matches in (
        ("ip saddr", EGRESS, filtering.SENT),
        ("ip daddr", INGRESS, filtering.RECEIVED),
        ("diverted", EGRESS, DIVERTED),
    ):
        lines: list[str] | None = ["drop"]
        if end.is_known:
            lines = filtering.lines(
                world.policies, end.peer, direction, peers=peers, matches=matches
            )
        if lines is not None:
            name = f"{place.replace(' ', '-').removeprefix('ip-')}-{end.link}"
            found[place] = (name, lines)
    return found


def _genuine(ends: Sequence[End]) -> Iterator[str]:
    """Nobody sends in the name of another Pod."""
    if ends:
        own = (f'"{end.link}" . {end.peer.address}' for end in ends)
        yield f'iifname "{POD_LINKS}*" iifname . ip saddr != {_set(own)} drop'
