"""A control plane with a cluster gateway, and clusters whose agents dial it; all in one loop.

The kube APIs are the embedded one, the tunnel is TLS over loopback sockets with real certificates.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from choreo_local import pki
from choreo_local.allinone import bundles
from choreo_local.clusteragent import backends
from choreo_local.clusteragent.agent import Agent, Credentials, Destination
from choreo_local.clustergateway.agentsocket import Heartbeat
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.clustergateway.server import AgentEndpoint
from choreo_local.clustergateway.transport import GatewayTransport, Where
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport, Transport
from choreo_local.pki import Identity
from choreo_local.tasks import TaskGroup

WAIT_SECONDS = 60.0
HOSTS = ("localhost", "127.0.0.1")


async def until(condition: Callable[[], bool], *, what: str) -> None:
    """Return when the condition holds."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():  # noqa: ASYNC110 - any condition of any object
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {WAIT_SECONDS:.0f} s: {what}") from None


@asynccontextmanager
async def kube_socket() -> AsyncIterator[Path]:
    """Where a cluster's API answers, without anything that acts on objects."""
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()
    server = Server(api)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kube.sock"
        await server.listen_unix(path)
        try:
            yield path
        finally:
            await server.stop()
            await api.stop()


@asynccontextmanager
async def kube_api() -> AsyncIterator[KubeClient]:
    """A client of such a cluster."""
    async with kube_socket() as path:
        client = KubeClient(AiohttpTransport("http://kube", unix_socket=path))
        try:
            yield client
        finally:
            await client.close()


async def apply_plane_kinds(client: KubeClient) -> None:
    """Of OpenChoreo's kinds those that describe planes."""
    found = [
        manifest
        for manifest in bundles.load("core").manifests({})
        if manifest["metadata"]["name"].endswith("planes.openchoreo.dev")
    ]
    assert len(found) == 6
    await bundles.apply(client, found)


def data_plane(
    name: str, authority: Identity | bytes, *, plane_id: str = "", namespace: str = "default"
) -> dict[str, Any]:
    """A DataPlane that trusts an authority."""
    pem = authority if isinstance(authority, bytes) else authority.certificate
    spec: dict[str, Any] = {"clusterAgent": {"clientCA": {"value": pem.decode()}}}
    if plane_id:
        spec["planeID"] = plane_id
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": "DataPlane",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


@dataclass(slots=True)
class Site:
    """The control plane, its gateway, and what is needed to dial it."""

    client: KubeClient
    gateway: ClusterGateway
    port: int
    folder: Path
    authority: Identity
    changes: list[tuple[str, str]] = field(default_factory=list)
    tasks: TaskGroup = field(default_factory=lambda: TaskGroup("site"))

    async def apply(self, *manifests: dict[str, Any]) -> None:
        """Server-side apply on the control plane."""
        await bundles.apply(self.client, manifests)

    def credentials(self, identity: Identity, name: str = "agent") -> Credentials:
        """Files of an agent."""
        pki.save(self.folder / name, "tls", identity)
        authority = self.folder / "server" / "ca.crt"
        return Credentials(
            self.folder / name / "tls.crt", self.folder / name / "tls.key", authority
        )

    def agent(
        self,
        identity: Identity,
        served: Transport,
        *,
        plane_id: str,
        name: str = "agent",
        port: int = 0,
    ) -> Agent:
        """An agent that is not running yet."""
        url = f"wss://localhost:{port or self.port}/ws"
        destination = Destination(url, "dataplane", plane_id)
        found = backends.of_kube_api(served)
        return Agent(destination, self.credentials(identity, name), found)

    def run(self, agent: Agent) -> asyncio.Task[Any]:
        """Run an agent in the background."""
        return self.tasks.start(agent.run(), name="agent")

    def reaching(self, plane_id: str, resource: str) -> KubeClient:
        """A client of a plane, for a plane object."""
        where = Where("dataplane", plane_id, resource)
        loop = asyncio.get_running_loop()
        return KubeClient(GatewayTransport(self.gateway, loop=loop, where=where))


@asynccontextmanager
async def site(folder: Path, *, heartbeat: Heartbeat | None = None) -> AsyncIterator[Site]:
    """The control plane with OpenChoreo's kinds, and the gateway that listens."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(kube_api())
        await apply_plane_kinds(client)
        server_folder = folder / "server"
        authority = pki.ensure_authority(server_folder, "gateway")
        pki.ensure_server(server_folder, "tls", authority=authority, hosts=HOSTS)
        changes: list[tuple[str, str]] = []
        gateway = ClusterGateway(client, on_change=lambda *change: changes.append(change))
        endpoint = AgentEndpoint(
            gateway,
            certificate=server_folder / "tls.crt",
            key=server_folder / "tls.key",
            heartbeat=heartbeat,
        )
        listening = socket.create_server(("127.0.0.1", 0))
        await endpoint.start(listening)
        port = listening.getsockname()[1]
        found = Site(client, gateway, port, folder, authority, changes)
        try:
            yield found
        finally:
            await found.tasks.stop()
            await gateway.stop()
            await endpoint.stop()
