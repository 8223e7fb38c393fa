"""Which addresses pods may have: a range to which this machine has no way of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

# By preference. A network of a company may have routes to all private addresses; what carriers and
# benchmarks use is left then.
_BLOCKS = tuple(
    IPv4Network(text)
    for text in (
        "10.64.0.0/10",
        "10.128.0.0/10",
        "172.16.0.0/12",
        "198.18.0.0/15",
        "100.64.0.0/10",
    )
)
_LENGTH = 16
# A route to so much means everything: VPNs have two halves in place of a default route.
_EVERYTHING = 7


def free(start: int, routed: Sequence[IPv4Network]) -> Iterator[IPv4Network]:
    """Ranges that no route of the machine leads to, the best first.

    Args:
        start: instances with different numbers begin at different ranges.
        routed: the networks that the machine has routes to.
    """
    known = [network for network in routed if network.prefixlen > _EVERYTHING]
    for block in _BLOCKS:
        count = 1 << (_LENGTH - block.prefixlen)
        for step in range(count):
            place = (start + step) % count << (32 - _LENGTH)
            network = IPv4Network((int(block.network_address) + place, _LENGTH))
            if not any(network.overlaps(each) for each in known):
                yield network
