"""The rules of the router's namespace as a table of nftables. Pure.

Services are reached by translating their addresses, policies are chains of the Pods that they
select, and what leaves the Pods' network is taken to a relay of ours. Connections that exist stay,
whatever changes.
"""

from __future__ import annotations

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
)
from choreo_local.embedded.network.isolated.nftables.table import Chain, Elements, Hook, Set, Table
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


def table(world: World) -> Table:
    """The rules of a world."""
    filters = {end.link: restrictions(world.policies, end) for end in world.ends}
    meant = {each for found in filters.values() for one in found.values() for each in one.meant}
    peers = [*(end.peer for end in world.ends), world.resolver]
    pods = {each.name: Set(each.kinds, each.elements(peers)) for each in meant}
    sets = {**_addressed(world), **_dispatched(world.ends, filters), **pods}
    chains = {**_addressing(world), **_filtering(filters), **_passing()}
    return Table(TABLE, sets, chains)


# --- where packets go ----------------------------------------------------------------------------


def _addressing(world: World) -> dict[str, Chain]:
    found = {
        _service_chain(entrance): Chain((_spread(entrance, service),))
        for entrance, service in _served(world)
    }
    own_blocks = (world.network, _SERVICE_ADDRESSES, IPv4Network(world.gateway))
    leaving: Rule = (
        Is(PROTOCOL, "tcp"),
        *(InBlock(TARGET, each, negated=True) for each in own_blocks),
        SendTo(world.gateway, world.exit_port),
    )
    return found | {
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


def _served(world: World) -> list[tuple[Entrance, Service]]:
    return [each for each in world.services.items() if each[1].endpoints]


def _service_chain(entrance: Entrance) -> str:
    return f"service-{entrance.address}-{entrance.protocol.lower()}-{entrance.port}"


def _spread(entrance: Entrance, service: Service) -> Rule:
    places = tuple((each.address, each.port) for each in service.endpoints)
    return Is(PROTOCOL, entrance.protocol.lower()), Spread(places, by_sender=service.sticky)


def _addressed(world: World) -> dict[str, Set]:
    served: Elements = {
        (entrance.address, entrance.protocol.lower(), entrance.port): Verdict(
            Code.GOTO, _service_chain(entrance)
        )
        for entrance, _ in _served(world)
    }
    own: Elements = {(end.peer.address, end.peer.address): None for end in world.ends}
    genuine: Elements = {(end.link, end.peer.address): None for end in world.ends}
    return {
        "services": Set((ADDRESS, PROTOCOL_NUMBER, PORT), served, is_map=True),
        "own": Set((ADDRESS, ADDRESS), own),
        "genuine": Set((LINK_NAME, ADDRESS), genuine),
    }


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


def _pod_chain(place: str, link: str) -> str:
    return f"{place}-{link}"


def _filtering(filters: Mapping[str, Mapping[str, Filter]]) -> dict[str, Chain]:
    return {
        _pod_chain(place, link): Chain(each.rules)
        for link, found in filters.items()
        for place, each in found.items()
    }


def _dispatched(ends: Sequence[End], filters: Mapping[str, Mapping[str, Filter]]) -> dict[str, Set]:
    """Which Pods have chains."""
    return {
        place: Set(
            (ADDRESS,),
            {
                (end.peer.address,): Verdict(Code.JUMP, _pod_chain(place, end.link))
                for end in ends
                if place in filters[end.link]
            },
            is_map=True,
        )
        for place, _, _ in _PLACES
    }


def _passing() -> dict[str, Chain]:
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
