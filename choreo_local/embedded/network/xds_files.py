"""Envoy's configuration as files that change by renames, which Envoy watches for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from choreo_local.embedded.network import xds
from choreo_local.embedded.network.datapath import Addresses, Endpoints
from choreo_local.embedded.network.table import Backend, Endpoint, RouteTable


class XdsFiles:
    """Writes what changed, in an order in which nothing refers to what is not there yet.

    A cluster that is no longer used stays until `forget_unused`, for requests under way.
    """

    def __init__(self, directory: Path, addresses: Addresses, *, admin: str | None = None) -> None:
        self.directory = directory
        self._addresses = addresses
        self._admin = admin
        self._written: dict[str, bytes] = {}
        self._clusters: dict[str, Backend] = {}
        self._used: set[str] = set()

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
        self._clusters.clear()
        self._write_resources("cds.json", ())
        self._write_resources("lds.json", ())
        content = xds.bootstrap(
            lds=self._path("lds.json"), cds=self._path("cds.json"), admin=self._admin
        )
        self._write("bootstrap.json", content)

    def apply(self, table: RouteTable, endpoints: Endpoints) -> bool:
        """Write a table; whether the set of listeners changed."""
        backends = sorted(table.backends(), key=lambda each: each.key)
        for backend in backends:
            self.write_endpoints(backend, endpoints.get(backend, ()))
        self._used = {str(backend.key) for backend in backends}
        self._clusters |= {str(backend.key): backend for backend in backends}
        self._write_clusters()
        for port in table.ports:
            name = f"rds-{port.port}.json"
            self._write_resources(name, xds.route_configurations(port))
        listeners = [
            xds.listener(
                port,
                host_port=self._addresses.port(port.port),
                addresses=self._addresses.hosts,
                rds=self._path(f"rds-{port.port}.json"),
            )
            for port in table.ports
        ]
        return self._write_resources("lds.json", listeners)

    def write_endpoints(self, backend: Backend, endpoints: Iterable[Endpoint]) -> None:
        """Write the endpoints of one backend."""
        self._write_resources(_eds_name(backend), [xds.load_assignment(backend, endpoints)])

    def forget_unused(self) -> None:
        """Drop the clusters that no route uses any more."""
        gone = [backend for name, backend in self._clusters.items() if name not in self._used]
        self._clusters = {str(each.key): each for each in self._clusters.values()
                          if str(each.key) in self._used}  # fmt: skip
        self._write_clusters()
        for backend in gone:
            name = _eds_name(backend)
            self._written.pop(name, None)
            (self.directory / name).unlink(missing_ok=True)

    def _write_clusters(self) -> None:
        self._write_resources(
            "cds.json",
            [xds.cluster(each, self._path(_eds_name(each))) for each in self._clusters.values()],
        )

    def _path(self, name: str) -> str:
        return str(self.directory / name)

    def _write_resources(self, name: str, resources: Iterable[Mapping[str, Any]]) -> bool:
        return self._write(name, {"resources": list(resources)})

    def _write(self, name: str, content: Mapping[str, Any]) -> bool:
        data = orjson.dumps(content)
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


def _eds_name(backend: Backend) -> str:
    digest = hashlib.sha256(str(backend.key).encode()).hexdigest()[:16]
    return f"eds-{digest}.json"
