"""Parts of a data plane that a cluster lacks and this process serves: the gateway, secret stores.

They meet the cluster through its API alone, each as an identity of its own, so they are the very
same that the embedded cluster has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.clusters.driver import Capability, ClusterSpec
from choreo_local.clusters.forwarding import ForwardedPath
from choreo_local.clusters.inventory import Inventory
from choreo_local.embedded.addons.externalsecrets import ExternalSecretsController
from choreo_local.embedded.addons.pushsecrets import PushSecretsController
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.network import kinds
from choreo_local.embedded.network.datapath import Addresses, DataPath
from choreo_local.embedded.network.envoy import Envoy
from choreo_local.embedded.network.gateway import CONTROLLER_NAME, GatewayController
from choreo_local.embedded.network.selection import choose_data_path
from choreo_local.kubeclient.access import KubeAccess
from choreo_local.tasks import TaskGroup


class HostedParts:
    """What runs here for a cluster elsewhere; all methods in one loop.

    Args:
        spec: folders, ports and marks of child processes.
        found: what the cluster has of its own.
        gateway: as the gateway.
        secrets: as who fills Secrets.
    """

    def __init__(
        self, spec: ClusterSpec, found: Inventory, *, gateway: KubeAccess, secrets: KubeAccess
    ) -> None:
        self._spec = spec
        self._gateway_client = gateway.client(field_manager="gateway-controller")
        self._secrets_client = secrets.client(field_manager="external-secrets")
        self._serves_routes = found.gateway_class in ("", CONTROLLER_NAME)
        self._other_gateway = found.gateway_class
        self._other_secrets = found.parts.get("external-secrets", "")
        self._watches = TaskGroup("watches for a cluster elsewhere")
        self._envoy: Envoy | None = None
        self._gateway: GatewayController | None = None
        self._secrets: list[ExternalSecretsController | PushSecretsController] = []

    async def start(self) -> None:
        """Start what the cluster lacks."""
        if self._serves_routes:
            await self._start_gateway()
        if not self._other_secrets:
            informers = SharedInformers(self._secrets_client, self._watches)
            self._secrets = [
                ExternalSecretsController(self._secrets_client, informers),
                PushSecretsController(self._secrets_client, informers),
            ]
            for part in self._secrets:
                part.start()

    async def _start_gateway(self) -> None:
        for purpose in ("gateway", "gateway-tls"):
            # The ports were held until now, so that nobody else could take them.
            self._spec.sockets[purpose].close()
        informers = SharedInformers(self._gateway_client, self._watches)
        addresses = Addresses()
        path = ForwardedPath(
            self._data_path(addresses), self._gateway_client, _PodsByAddress(informers)
        )
        self._gateway = GatewayController(self._gateway_client, informers, path, addresses)
        await self._gateway.start()

    def _data_path(self, addresses: Addresses) -> DataPath:
        paths = self._spec.paths
        paths.envoy.mkdir(parents=True, exist_ok=True)
        path = choose_data_path(
            directory=paths.envoy,
            log=paths.logs / "envoy.log",
            instance=self._spec.instance_id,
            addresses=addresses,
        )
        self._envoy = path if isinstance(path, Envoy) else None
        return path

    async def stop(self) -> None:
        """End everything that was started."""
        for part in reversed(self._secrets):
            await part.stop()
        if self._gateway is not None:
            await self._gateway.stop()
        await self._watches.stop()
        for client in (self._gateway_client, self._secrets_client):
            await client.close()

    def capabilities(self) -> list[Capability]:
        """Who serves what."""
        by_us = "Envoy" if self._envoy else "a proxy in this process: no TLS, no HTTP/2"
        gateway = f"{by_us}, to pods through the API server"
        if not self._serves_routes:
            gateway = f"{self._other_gateway} of the cluster; where it listens is up to it"
        secrets = self._other_secrets and f"the cluster's own ({self._other_secrets})"
        return [
            Capability("gateway", available=True, reason=gateway),
            Capability("secret-stores", available=True, reason=secrets or "this process"),
        ]

    def processes(self) -> Mapping[str, int]:
        """The pid of the gateways' proxy."""
        pid = self._envoy.pid if self._envoy is not None else None
        return {"gateway": pid} if pid else {}


class _PodsByAddress:
    """Which pod has an address, from the endpoints of Services."""

    def __init__(self, informers: SharedInformers) -> None:
        self._slices = informers.of(kinds.ENDPOINT_SLICES)

    def __call__(self, address: str) -> tuple[str, str] | None:
        for each in self._slices.list():
            for endpoint in each.get("endpoints") or ():
                if address in endpoint["addresses"]:
                    found = _pod(endpoint)
                    if found is not None:
                        return found
        return None


def _pod(endpoint: Mapping[str, Any]) -> tuple[str, str] | None:
    target = endpoint.get("targetRef") or {}
    if target.get("kind") != "Pod":
        return None
    return target["namespace"], target["name"]
