"""Service port → endpoints, as a proxy should use them now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.embedded.network.table import Backend, BackendKey, BackendProtocol, Endpoint

Manifest = Mapping[str, Any]

SERVICE_NAME = "kubernetes.io/service-name"
_HTTP2_PROTOCOLS = ("kubernetes.io/h2c", "grpc", "h2c", "http2")


def service_port(service: Manifest, number: int, protocol: str = "TCP") -> Manifest | None:
    """The port of a Service that a reference means."""
    for port in service["spec"].get("ports") or ():
        if port["port"] == number and port.get("protocol", "TCP") == protocol:
            found: Manifest = port
            return found
    return None


def backend(service: Manifest, port: Manifest, *, grpc: bool = False) -> Backend:
    """The backend of a Service port; its appProtocol or name says what it speaks."""
    metadata = service["metadata"]
    key = BackendKey(metadata["namespace"], metadata["name"], int(port["port"]))
    hint = str(port.get("appProtocol") or "").lower()
    speaks_http2 = grpc or hint in _HTTP2_PROTOCOLS
    return Backend(key, BackendProtocol.HTTP2 if speaks_http2 else BackendProtocol.HTTP1)


def endpoints(port: Manifest, slices: Iterable[Manifest]) -> tuple[Endpoint, ...]:
    """Where to connect for a Service port, sorted.

    Ready endpoints; without any, those that still serve while they end, as dropping the last
    instance at once would refuse requests that it can still answer.
    """
    ready: set[Endpoint] = set()
    ending: set[Endpoint] = set()
    for each in slices:
        number = _number(port, each)
        if number is None or each.get("addressType") == "FQDN":
            continue
        for endpoint in each.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            found = {Endpoint(address, number) for address in endpoint["addresses"]}
            if conditions.get("ready", True):
                ready |= found
            elif conditions.get("serving") and conditions.get("terminating"):
                ending |= found
    return tuple(sorted(ready or ending))


def _number(port: Manifest, each: Manifest) -> int | None:
    for one in each.get("ports") or ():
        same_name = (one.get("name") or "") == (port.get("name") or "")
        if same_name and one.get("protocol", "TCP") == port.get("protocol", "TCP"):
            return int(one["port"]) if one.get("port") else None
    return None
