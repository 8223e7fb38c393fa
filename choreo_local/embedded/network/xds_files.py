"""Envoy's configuration as files that change by renames, which Envoy watches for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import certifi
import orjson

from choreo_local.embedded.network import subscriptions, xds, xds_clusters, xds_trial
from choreo_local.embedded.network.datapath import Addresses, Endpoints
from choreo_local.embedded.network.guards import Limits, RemoteKeys
from choreo_local.embedded.network.table import (
    Backend,
    BackendProtocol,
    Endpoint,
    Joined,
    RouteTable,
)


class XdsFiles:
    """Writes what changed: endpoints before the routes that use them.

    Envoy follows the files in the order in which they change.
    """

    def __init__(
        self,
        directory: Path,
        addresses: Addresses,
        *,
        admin: str | None = None,
        resolver: str = "",
    ) -> None:
        self.directory = directory
        self._addresses = addresses
        self._admin = admin
        self._resolver = resolver
        self._written: dict[str, bytes] = {}
        self._endpoints: dict[Backend, tuple[Endpoint, ...]] = {}
        self._apart: frozenset[tuple[Backend, Limits | None]] = frozenset()
        self._joined: frozenset[Joined] = frozenset()
        self._key_sources: frozenset[RemoteKeys] = frozenset()

    @property
    def bootstrap(self) -> Path:
        """The file that Envoy is started with."""
        return self.directory / "bootstrap.json"

    def prepare(self) -> None:
        """Make the folder and the files that Envoy needs to start, without any listener."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self.directory.glob("*.json"):
            old.unlink()
        self._written.clear()
        self._endpoints.clear()
        self._write_endpoints()
        self._write_resources("lds.json", ())
        content = xds.bootstrap(
            lds=self._path("lds.json"),
            cds=self._path("cds.json"),
            admin=self._admin,
            resolver=self._resolver,
        )
        self._write("bootstrap.json", content)

    def write_backends(self, table: RouteTable, endpoints: Endpoints) -> frozenset[str]:
        """Write what the routes of a table need.

        Returns the subscriptions of Envoy whose files changed, as in its statistics.
        """
        # Endpoints of backends that are used no more stay until `forget_unused`.
        self._endpoints |= {each: endpoints.get(each, ()) for each in table.backends()}
        self._apart = table.apart()
        self._joined = table.joined()
        self._key_sources = table.key_sources()
        return self._write_endpoints()

    def write_routes(self, table: RouteTable, *, again: bool = False) -> frozenset[str]:
        """Write routes and listeners; the subscriptions whose files changed.

        With `again` the listeners are written in any case, for Envoy to try once more.
        """
        if again:
            self._written.pop("lds.json", None)
        return frozenset(self._write_routes(table))

    def trial(self, table: RouteTable) -> dict[str, Any]:
        """What the files would say of a table, as one static configuration."""
        clusters = self._clusters_of(table.apart(), table.joined(), table.key_sources())
        return xds_trial.configuration(table, clusters)

    def write_endpoints(self, endpoints: Endpoints) -> None:
        """Write the endpoints of some backends."""
        self._endpoints |= endpoints
        self._write_endpoints()

    def forget_unused(self, table: RouteTable) -> None:
        """Drop the endpoints of backends that no route of the table uses."""
        used = table.backends()
        self._endpoints = {each: found for each, found in self._endpoints.items() if each in used}
        self._write_endpoints()

    def _write_endpoints(self) -> frozenset[str]:
        """Write endpoints and clusters; what of them changed."""
        changed: set[str] = set()
        for protocol in BackendProtocol:
            assignment = xds_clusters.pool_assignment(protocol, self._endpoints)
            if self._write_resources(_eds_name(protocol), [assignment]):
                changed.add(subscriptions.endpoints(protocol.value))
        if self._write_resources("cds.json", self._clusters()):
            changed.add(subscriptions.CDS)
        return frozenset(changed)

    def _clusters(self) -> list[dict[str, Any]]:
        return self._clusters_of(self._apart, self._joined, self._key_sources)

    def _clusters_of(
        self,
        apart: Iterable[tuple[Backend, Limits | None]],
        joined: Iterable[Joined],
        sources: Iterable[RemoteKeys],
    ) -> list[dict[str, Any]]:
        pools = [
            xds_clusters.pool_cluster(each, self._path(_eds_name(each))) for each in BackendProtocol
        ]
        own = [
            xds_clusters.backend_cluster(backend, self._endpoints.get(backend, ()), limits=limits)
            for backend, limits in apart
        ]
        keys = [
            xds_clusters.keys_cluster(each, authorities=certifi.where())
            for each in sources
            if each.service is None
        ]
        together = [xds_clusters.joined_cluster(each, self._endpoints) for each in joined]
        named = {each["name"]: each for each in (*own, *together, *keys)}
        return [*pools, *(named[name] for name in sorted(named))]

    def _write_routes(self, table: RouteTable) -> set[str]:
        """Write routes and listeners; what of them changed."""
        changed: set[str] = set()
        for port in table.ports:
            host_port = self._addresses.port(port.port)
            configurations = xds.route_configurations(port, host_port=host_port)
            for each in configurations:
                if self._write_resources(xds.routes_file(each["name"]), [each]):
                    changed.add(subscriptions.routes(each["name"]))
        listeners = [
            xds.listener(
                port,
                host_port=self._addresses.port(port.port),
                addresses=self._addresses.hosts,
                directory=str(self.directory),
            )
            for port in table.ports
        ]
        if self._write_resources("lds.json", listeners):
            changed.add(subscriptions.LDS)
        return changed

    def _path(self, name: str) -> str:
        return str(self.directory / name)

    def _write_resources(self, name: str, resources: Iterable[Mapping[str, Any]]) -> bool:
        return self._write(name, {"resources": list(resources)})

    def _write(self, name: str, content: Mapping[str, Any]) -> bool:
        return self._write_data(name, orjson.dumps(content))

    def _write_data(self, name: str, data: bytes) -> bool:
        if self._written.get(name) == data:
            return False
        # Certificates' keys are in these files.
        fresh = self.directory / f".{name}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        fresh.replace(self.directory / name)
        self._written[name] = data
        return True


def _eds_name(protocol: BackendProtocol) -> str:
    return f"eds-{protocol.value}.json"
