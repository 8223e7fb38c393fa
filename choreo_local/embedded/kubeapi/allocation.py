"""Cluster IPs and node ports of Services: given out, kept apart, taken back.

Follows the stored Services, so that what is taken is always what the store says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.storage.eventlog import DELETED, Event
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ApiError, Cause

_SERVICES = "services"
# The lower part of the range is for addresses that people choose themselves.
_STATIC_SHARE = 16
_MAX_STATIC = 256
_RANDOM_TRIES = 32


class Allocator:
    """Gives addresses and ports to Services.

    Args:
        store: where the Services are.
        service_range: the addresses, as a CIDR.
        node_ports: first and last node port.
    """

    def __init__(self, store: Store, *, service_range: str, node_ports: tuple[int, int]) -> None:
        self._network = ipaddress.ip_network(service_range)
        self._ports = range(node_ports[0], node_ports[1] + 1)
        self._ips_of: dict[str, set[str]] = {}
        self._ports_of: dict[str, set[int]] = {}
        self._used_ips: set[str] = set()
        self._used_ports: set[int] = set()
        for stored in store.select(_SERVICES):
            self._note(stored.key, stored.object)
        store.log(_SERVICES).follow(self._changed)

    @property
    def first_address(self) -> str:
        """The address of the Service `kubernetes`."""
        return str(self._network.network_address + 1)

    def _changed(self, event: Event) -> None:
        self._forget(event.current.key)
        if event.type != DELETED:
            self._note(event.current.key, event.current.object)

    def _forget(self, key: str) -> None:
        self._used_ips -= self._ips_of.pop(key, set())
        self._used_ports -= self._ports_of.pop(key, set())

    def _note(self, key: str, service: Mapping[str, Any]) -> None:
        spec = service.get("spec") or {}
        self._ips_of[key] = {ip for ip in spec.get("clusterIPs") or () if ip != "None"}
        self._ports_of[key] = set(_node_ports(spec))
        self._used_ips |= self._ips_of[key]
        self._used_ports |= self._ports_of[key]

    def complete(self, key: str, service: Manifest) -> None:
        """Fill in what a Service that is about to be stored still needs.

        Raises:
            InvalidError: what it asks for is taken or outside the range.
        """
        spec = service.get("spec") or {}
        own_ips, own_ports = self._ips_of.get(key, set()), self._ports_of.get(key, set())
        causes: list[Cause] = []
        if spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
            causes += self._complete_ip(spec, own_ips)
        if _needs_node_ports(spec):
            causes += self._complete_ports(spec, own_ports)
        if causes:
            raise _invalid(service, causes)

    def _complete_ip(self, spec: Manifest, own: set[str]) -> list[Cause]:
        wanted = spec.get("clusterIP")
        if not wanted:
            found = self._free_address()
            if found is None:
                detail = "failed to allocate a serviceIP: range is full"
                return [fielderrors.invalid_value("spec.clusterIPs", [], detail)]
            spec["clusterIP"] = found
            spec["clusterIPs"] = [found]
            return []
        if wanted in own:
            return []
        why = self._problem_of(wanted)
        if why:
            detail = f"failed to allocate IP {wanted}: {why}"
            shown = spec.get("clusterIPs") or [wanted]
            return [fielderrors.invalid_value("spec.clusterIPs", shown, detail)]
        return []

    def _problem_of(self, address: str) -> str:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return "not a valid IP"
        if parsed not in self._network:
            return "the provided network does not match the current range"
        if parsed in self._reserved():
            return (
                f"the provided IP ({parsed}) is not in the valid range. The range of valid IPs is"
                f" {self._network}"
            )
        return "provided IP is already allocated" if address in self._used_ips else ""

    def _reserved(self) -> tuple[Any, Any]:
        return self._network.network_address, self._network.broadcast_address

    def _free_address(self) -> str | None:
        size = self._network.num_addresses
        static = min(max(size // _STATIC_SHARE, 16), _MAX_STATIC) if size > 32 else 0
        base = self._network.network_address
        for _ in range(_RANDOM_TRIES):
            offset = 1 + static + int(clock.jitter(max(size - static - 2, 1)))
            address = str(base + min(offset, size - 2))
            if address not in self._used_ips:
                return address
        for offset in [*range(1 + static, size - 1), *range(1, 1 + static)]:
            address = str(base + offset)
            if address not in self._used_ips:
                return address
        return None

    def _complete_ports(self, spec: Manifest, own: set[int]) -> list[Cause]:
        causes: list[Cause] = []
        given: dict[int, set[str]] = {}
        for index, port in enumerate(spec.get("ports") or ()):
            number, protocol = port.get("nodePort"), port.get("protocol", "TCP")
            if number and number not in own and protocol not in given.get(number, set()):
                causes += self._check_port(
                    number, f"spec.ports[{index}].nodePort", shared=number in given
                )
            if not number:
                number = port["nodePort"] = self._free_port(set(given))
            given.setdefault(number, set()).add(protocol)
        if _needs_health_port(spec) and not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = self._free_port(set(given))
        return causes

    def _check_port(self, number: int, field: str, *, shared: bool) -> list[Cause]:
        if number not in self._ports:
            first, last = self._ports[0], self._ports[-1]
            detail = (
                "provided port is not in the valid range. The range of valid ports is"
                f" {first}-{last}"
            )
            return [fielderrors.invalid_value(field, number, detail)]
        if number in self._used_ports and not shared:
            return [fielderrors.invalid_value(field, number, "provided port is already allocated")]
        return []

    def _free_port(self, taken: set[int]) -> int:
        for number in self._candidates():
            if number not in self._used_ports and number not in taken:
                return number
        raise problems.internal("failed to allocate a nodePort: range is full")

    def _candidates(self) -> Iterator[int]:
        for _ in range(_RANDOM_TRIES):
            yield self._ports[int(clock.jitter(len(self._ports)))]
        yield from self._ports


def _node_ports(spec: Mapping[str, Any]) -> Sequence[int]:
    ports = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    health = spec.get("healthCheckNodePort")
    return [*ports, health] if health else ports


def _needs_node_ports(spec: Mapping[str, Any]) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def _needs_health_port(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _invalid(service: Manifest, causes: Sequence[Cause]) -> ApiError:
    return fielderrors.invalid("Service", str(service["metadata"]["name"]), causes)
