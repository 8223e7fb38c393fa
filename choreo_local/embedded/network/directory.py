"""Services and endpoints for DNS, from the shared caches."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.embedded.network import backends
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer


class ClusterDirectory:
    """Implements `dnsrecords.Directory`."""

    def __init__(self, services: Informer, namespaces: Informer, slices: SlicesByService) -> None:
        self._services = services
        self._namespaces = namespaces
        self._slices = slices
        self._by_address: dict[str, Manifest] = {}
        services.add_callback(self._service_changed)

    def _service_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None:
            self._by_address.pop(old["spec"].get("clusterIP", ""), None)
        if new is not None and new["spec"].get("clusterIP"):
            self._by_address[new["spec"]["clusterIP"]] = new

    def service(self, namespace: str, name: str) -> Manifest | None:
        """A Service."""
        return self._services.get(name, namespace)

    def slices(self, namespace: str, name: str) -> Iterable[Manifest]:
        """The EndpointSlices of a Service."""
        return self._slices.get(namespace, name)

    def service_of_address(self, address: str) -> Manifest | None:
        """The Service of a cluster address."""
        return self._by_address.get(address)

    def endpoints_of_address(self, address: str) -> Iterable[tuple[str, str, Manifest]]:
        """Namespace, Service and endpoint of those with an address and a host name."""
        # Reverse look-ups are rare; a scan is cheaper than an index that is always kept.
        for each in self._slices.all():
            metadata = each["metadata"]
            for endpoint in each.get("endpoints") or ():
                if address in endpoint["addresses"] and endpoint.get("hostname"):
                    service = metadata["labels"][backends.SERVICE_NAME]
                    yield metadata["namespace"], service, endpoint

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace exists."""
        return self._namespaces.get(name) is not None
