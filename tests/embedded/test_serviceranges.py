"""How the addresses of Services are shared out."""

from __future__ import annotations

from ipaddress import IPv4Network

from choreo_local.embedded.serviceranges import ServiceRanges


def test_no_part_meets_another() -> None:
    whole = IPv4Network("127.140.0.0/16")
    found = ServiceRanges.of(whole)
    assert found.services.network_address == whole.network_address
    assert found.services.subnet_of(whole)
    assert found.balancers.subnet_of(whole)
    assert not found.services.overlaps(found.balancers)
    assert found.node in whole
    assert found.node not in found.services
    assert found.node not in found.balancers
