"""How the addresses that an instance holds for Services are shared out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network


@dataclass(frozen=True, slots=True)
class ServiceRanges:
    """Parts of one range, none of which meets another.

    Attributes:
        services: addresses of Services in the cluster.
        balancers: addresses of Services of type LoadBalancer.
        node: the address of the node, where Pods find node ports: to them 127.0.0.1 is their own.
    """

    services: IPv4Network
    balancers: IPv4Network
    node: IPv4Address

    @classmethod
    def of(cls, whole: IPv4Network) -> ServiceRanges:
        """Share out a range: one half for Services, of the other what is needed."""
        services, rest = whole.subnets(prefixlen_diff=1)
        *_, balancers, last = rest.subnets(prefixlen_diff=2)
        return cls(services, balancers, last.broadcast_address - 1)
