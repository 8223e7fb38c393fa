"""What serves a route table: Envoy, or a proxy in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from choreo_local.embedded.network.table import Backend, Endpoint, RouteTable

Endpoints = Mapping[Backend, tuple[Endpoint, ...]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where listeners are reached on this machine.

    Attributes:
        hosts: loopback addresses to listen on.
        ports: port of a Gateway's listener → port on this machine; others keep their number.
    """

    hosts: tuple[str, ...] = ("127.0.0.1",)
    ports: Mapping[int, int] = field(default_factory=dict)

    def port(self, listener_port: int) -> int:
        """The port on this machine."""
        return self.ports.get(listener_port, listener_port)


@dataclass(frozen=True, slots=True)
class Refusals:
    """What of the table is not served although the rest is, each with the reason.

    Attributes:
        routes: by the name of the route.
        hosts: by the port of the Gateway and the server name, `*` for any.
    """

    routes: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[tuple[int, str], str] = field(default_factory=dict)


class DataPath(Protocol):
    """Serves the newest table that it was given.

    `apply` takes effect without refusing requests in between; `update` changes only the endpoints
    of some backends. `failure` says why a listener's port cannot be served, empty when it can;
    `apply` tries again to serve such a port. `refusals` are those of the newest table.
    `enforces` tells whether it carries out the guards of routes; it must not serve them otherwise.
    """

    @property
    def enforces(self) -> bool: ...

    async def start(self) -> None: ...

    async def apply(self, table: RouteTable, endpoints: Endpoints) -> None: ...

    async def update(self, endpoints: Endpoints) -> None: ...

    def failure(self, port: int) -> str: ...

    def refusals(self) -> Refusals: ...

    async def stop(self) -> None: ...
