"""Which local addresses stand for which Service ports. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
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


def entrances(services: Iterable[Manifest], node_address: str) -> dict[Entrance, ServicePort]:
    """All entrances that this machine can offer.

    Only loopback cluster addresses can be listened on without privileges; a Service with another
    address is reached by its endpoints alone. Node ports are offered on `node_address`.
    """
    found: dict[Entrance, ServicePort] = {}
    for service in services:
        spec, metadata = service["spec"], service["metadata"]
        if spec.get("type") == "ExternalName":
            continue
        address = spec.get("clusterIP") or "None"
        for port in spec.get("ports") or ():
            protocol = port.get("protocol", "TCP")
            meant = ServicePort(
                metadata["namespace"], metadata["name"], int(port["port"]), _affinity(spec)
            )
            if is_loopback(address):
                found.setdefault(Entrance(address, int(port["port"]), protocol), meant)
            if port.get("nodePort"):
                found.setdefault(Entrance(node_address, int(port["nodePort"]), protocol), meant)
    return found


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _affinity(spec: Manifest) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds", _LONGEST_AFFINITY_SECONDS))
