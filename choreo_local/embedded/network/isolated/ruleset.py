"""What the table of the router's namespace is made of; `tables` puts it together. Pure.

Services are reached by translating their addresses, policies are chains of the Pods that they
select, and what leaves the Pods' network is taken to a relay of ours. Connections that exist stay,
whatever changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from choreo_local.embedded.network.isolated import filtering
from choreo_local.embedded.network.isolated.filtering import DIVERTED, EGRESS, INGRESS, Filter
from choreo_local.embedded.network.isolated.nftables.expressions import Code
from choreo_local.embedded.network.isolated.nftables.fields import (
    ADDRESS,
    LINK,
    LINK_NAME,
    PORT,
    PROTOCOL,
    PROTOCOL_NUMBER,
    SOURCE,
    STATE,
    STATUS,
    TARGET,
    TARGET_PORT,
    Key,
)
from choreo_local.embedded.network.isolated.nftables.statements import (
    ACCEPT,
    DROP,
    Begins,
    Dispatch,
    HasAny,
    InBlock,
    Is,
    Masquerade,
    Member,
    Reject,
    Rule,
    SendTo,
    Spread,
    Verdict,
    text_of,
)
from choreo_local.embedded.network.isolated.nftables.table import Chain, Elements, Hook, Set
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint

TABLE = "choreo"
UPLINK = "up0"
POD_LINKS = "pod"
_SERVICE_ADDRESSES = IPv4Network("127.0.0.0/8")
_DESTINATION, _FILTER, _SOURCE, _RAW = -100, 0, 100, -300
_FROM_PODS = Begins(LINK, POD_LINKS)
_ESTABLISHED = HasAny(STATE, ("established", "related"))
_FROM, _TO, _DIVERTED = "saddr", "daddr", "diverted"
_PLACES = (
    (_FROM, EGRESS, filtering.SENT),
    (_TO, INGRESS, filtering.RECEIVED),
    (_DIVERTED, EGRESS, DIVERTED),
)


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


# What rules ask; their elements come from Pods and Services.
SETS = {
    "services": Set((ADDRESS, PROTOCOL_NUMBER, PORT), is_map=True),
    "own": Set((ADDRESS, ADDRESS)),
    "genuine": Set((LINK_NAME, ADDRESS)),
    **{place: Set((ADDRESS,), is_map=True) for place, _, _ in _PLACES},
}


# --- where packets go ----------------------------------------------------------------------------


def addressing(network: IPv4Network, gateway: str, exit_port: int) -> dict[str, Chain]:
    """Services and ways out."""
    own_blocks = (network, _SERVICE_ADDRESSES, IPv4Network(gateway))
    leaving: Rule = (
        Is(PROTOCOL, "tcp"),
        *(InBlock(TARGET, each, negated=True) for each in own_blocks),
        SendTo(gateway, exit_port),
    )
    return {
        "translate": Chain(
            (
                (Dispatch((TARGET, PROTOCOL, TARGET_PORT), "services"),),
                (_FROM_PODS, *leaving),
                (Is(LINK, UPLINK), *leaving),
            ),
            Hook("nat", "prerouting", _DESTINATION),
        ),
        "unserved": Chain(
            ((_FROM_PODS, InBlock(TARGET, _SERVICE_ADDRESSES), Reject()),),
            Hook("filter", "prerouting", _FILTER),
        ),
        # A Pod that reaches itself by a Service must not see its own address as the sender.
        "own": Chain(
            ((HasAny(STATUS, ("dnat",)), Member((SOURCE, TARGET), "own"), Masquerade()),),
            Hook("nat", "postrouting", _SOURCE),
        ),
    }


def service_name(entrance: Entrance) -> str:
    """The name of the chain of a Service."""
    return f"service-{entrance.address}-{entrance.protocol.lower()}-{entrance.port}"


def service_key(entrance: Entrance) -> Key:
    """By what connections to a Service are known."""
    return entrance.address, entrance.protocol.lower(), entrance.port


def service_chain(entrance: Entrance, service: Service) -> Chain:
    """Spreads the connections to a Service that has endpoints."""
    places = tuple((each.address, each.port) for each in service.endpoints)
    spread = Spread(places, by_sender=service.sticky)
    return Chain(((Is(PROTOCOL, entrance.protocol.lower()), spread),))


# --- what may pass -------------------------------------------------------------------------------


def restrictions(policies: Sequence[Mapping[str, Any]], end: End) -> dict[str, Filter]:
    """What may pass to and from a Pod, by what leads to its chains."""
    if not end.is_known:
        return {place: filtering.NOTHING for place, _, _ in _PLACES}
    found = {
        place: filtering.of_pod(policies, end.peer, direction, matches)
        for place, direction, matches in _PLACES
    }
    return {place: each for place, each in found.items() if each is not None}


def chain_name(place: str, rules: Sequence[Rule]) -> str:
    """Pods with the same rules share a chain: it is named after what it says."""
    said = "\n".join(text_of(each) for each in rules)
    return f"{place}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def elements(end: End, filters: Mapping[str, Filter]) -> dict[str, Elements]:
    """What a Pod puts into the sets."""
    address = end.peer.address
    chains: dict[str, Elements] = {
        place: {(address,): Verdict(Code.JUMP, chain_name(place, each.rules))}
        for place, each in filters.items()
    }
    return {"own": {(address, address): None}, "genuine": {(end.link, address): None}, **chains}


def passing() -> dict[str, Chain]:
    """Who may connect to whom."""
    forged = Member((LINK, SOURCE), "genuine", negated=True)
    return {
        # Nobody sends in the name of another Pod.
        "genuine": Chain(((_FROM_PODS, forged, DROP),), Hook("filter", "prerouting", _RAW)),
        "forward": Chain(
            (
                (_ESTABLISHED, ACCEPT),
                (Is(LINK, UPLINK), ACCEPT),
                (Dispatch((SOURCE,), _FROM),),
                (Dispatch((TARGET,), _TO),),
            ),
            Hook("filter", "forward", _FILTER),
        ),
        "input": Chain(
            ((_ESTABLISHED, ACCEPT), (_FROM_PODS, Dispatch((SOURCE,), _DIVERTED))),
            Hook("filter", "input", _FILTER),
        ),
    }
