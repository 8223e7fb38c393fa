"""An embedded kube API with its control loops, in memory, served over HTTPS by a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from choreo_local import pki
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.server import Server, tls_context
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient import kubeconfig
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup
from tests.conformance import target
from tests.conformance.target import Target

NAME = "embedded"
_START_SECONDS = 60.0


@contextmanager
def serving(folder: Path) -> Iterator[Target]:
    """A running cluster whose certificates are in a folder."""
    authority = pki.ensure_authority(folder, "conformance")
    pki.ensure_server(folder, "api", authority=authority, hosts=["127.0.0.1"])
    admin = pki.ensure_client(
        folder, "admin", authority=authority, user="admin", groups=["system:masters"]
    )
    cluster = _Cluster(folder, authority)
    cluster.start()
    try:
        path = folder / "kubeconfig"
        content = kubeconfig.of_certificate(
            name=NAME,
            server=f"https://127.0.0.1:{cluster.port}",
            authority=authority.certificate,
            certificate=admin.certificate,
            key=admin.key,
        )
        pki.write_private(path, content)
        yield target.of_kubeconfig(path, NAME)
    finally:
        cluster.stop()


class _Cluster(threading.Thread):
    def __init__(self, folder: Path, authority: pki.Identity) -> None:
        super().__init__(name="conformance cluster", daemon=True)
        self.port = 0
        self._folder = folder
        self._authority = authority
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    def start(self) -> None:
        super().start()
        assert self._ready.wait(_START_SECONDS), "the embedded cluster did not start"

    def stop(self) -> None:
        assert self._loop is not None
        assert self._ended is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join(_START_SECONDS)

    def run(self) -> None:
        uvloop.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        folder = self._folder
        api = KubeApi(Store(MemoryBackend()), KubeApiOptions(signing_key=folder / "tokens.key"))
        await api.start()
        client = KubeClient(LocalTransport(api), field_manager="kube-controller-manager")
        tasks = TaskGroup("conformance")
        manager = ControllerManager(
            client,
            SharedInformers(client, tasks),
            root_ca=self._authority.certificate.decode(),
        )
        manager.start()
        server = Server(api)
        context = tls_context(folder / "api.crt", folder / "api.key", folder / "ca.crt")
        self.port = await server.listen_https(port=0, context=context)
        self._ready.set()
        await self._ended.wait()
        await server.stop()
        await manager.stop()
        await tasks.stop()
        await api.stop()
