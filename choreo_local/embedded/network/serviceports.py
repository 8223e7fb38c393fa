"""Which local addresses stand for which Service ports. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]

_LONGEST_AFFINITY_SECONDS = 10800


@dataclass(frozen=True, slots=True)
class Entrance:
    """An address on which a Service port is reached."""

    address: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A Service port behind an entrance; affinity of 0 seconds is none."""

    namespace: str
    service: str
    port: int
    affinity_seconds: int = 0


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_translatable(address: str) -> bool:
    """Whether connections to an address can be led elsewhere where the packets are ours."""
    try:
        return ipaddress.ip_address(address).version == 4
    except ValueError:
        return False


def entrances(
    services: Iterable[Manifest],
    node_addresses: Iterable[str],
    *,
    is_offered: Callable[[str], bool] = is_loopback,
) -> dict[Entrance, ServicePort]:
    """All entrances that can be offered; node ports are on `node_addresses`.

    A socket can be opened on loopback addresses only; a Service with another address is reached by
    its endpoints alone.
    """
    nodes = list(node_addresses)
    found: dict[Entrance, ServicePort] = {}
    for service in services:
        spec, metadata = service["spec"], service["metadata"]
        if spec.get("type") == "ExternalName":
            continue
        addresses = [each for each in _addresses(service) if is_offered(each)]
        for port in spec.get("ports") or ():
            number, protocol = int(port["port"]), port.get("protocol", "TCP")
            meant = ServicePort(metadata["namespace"], metadata["name"], number, _affinity(spec))
            for address in addresses:
                found.setdefault(Entrance(address, number, protocol), meant)
            for node in nodes if port.get("nodePort") else ():
                found.setdefault(Entrance(node, int(port["nodePort"]), protocol), meant)
    return found


def of_balancer(service: Manifest) -> list[str]:
    """The addresses of a Service's balancer."""
    told = (service.get("status") or {}).get("loadBalancer") or {}
    return [each["ip"] for each in told.get("ingress") or () if each.get("ip")]


def _addresses(service: Manifest) -> Iterator[str]:
    """The addresses of a Service itself: in the cluster, of its balancer, further ones."""
    spec = service["spec"]
    yield spec.get("clusterIP") or "None"
    yield from of_balancer(service)
    yield from spec.get("externalIPs") or ()


def _affinity(spec: Manifest) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds", _LONGEST_AFFINITY_SECONDS))
