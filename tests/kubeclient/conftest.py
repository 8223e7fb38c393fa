"""A real kube API in this process, on HTTPS and on a unix socket."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from choreo_local import pki
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.server import Server, tls_context
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.transport import AiohttpTransport, Transport

TOKEN = "a-token-of-bob"


@dataclass(frozen=True, slots=True)
class Served:
    """A kube API and the ways to it."""

    api: KubeApi
    url: str
    socket: Path
    pki: Path

    def trust(self, client: str = "") -> ssl.SSLContext:
        """TLS of a caller, with a client certificate if one is named."""
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        if client:
            context.load_cert_chain(self.pki / f"{client}.crt", self.pki / f"{client}.key")
        return context

    def transport(self, way: str) -> Transport:
        """A transport for the administrator: `unix`, `tls` or `local`."""
        if way == "unix":
            return AiohttpTransport("http://kube", unix_socket=self.socket)
        if way == "tls":
            return AiohttpTransport(self.url, ssl_context=self.trust("admin"))
        return LocalTransport(self.api)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    folder = tmp_path / "pki"
    authority = pki.ensure_authority(folder, "test")
    pki.ensure_server(folder, "api", authority=authority, hosts=["127.0.0.1"])
    pki.ensure_client(folder, "admin", authority=authority, user="admin", groups=["system:masters"])
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(tokens={TOKEN: User("bob")}))
    await api.start()
    server = Server(api)
    context = tls_context(folder / "api.crt", folder / "api.key", folder / "ca.crt")
    port = await server.listen_https(port=0, context=context)
    await server.listen_unix(tmp_path / "kube.sock")
    yield Served(api, f"https://127.0.0.1:{port}", tmp_path / "kube.sock", folder)
    await server.stop()
    await api.stop()


@pytest.fixture(params=["unix", "tls", "local"])
async def client(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[KubeClient]:
    """The administrator's client, over each way."""
    found = KubeClient(served.transport(request.param), field_manager="test")
    yield found
    await found.close()
