"""A kube API without our plugin asks the operator's webhooks, and says what upstream says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from choreo_local import pki
from choreo_local.allinone import bundles, controlplane
from choreo_local.api import labels, registry
from choreo_local.controllers import webhooks
from choreo_local.controllers.operator import Operator
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import ForbiddenError, InvalidError
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.planes import PlaneClients
from tests.admission.objects import component_type, data

_TOKEN = "of-the-operator"
_PATIENCE_SECONDS = 90


def server_in(folder: Path) -> AdmissionServer:
    """A server on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    authority = pki.create_authority("webhooks")
    identity = pki.issue_server(authority, "localhost", ["localhost", "127.0.0.1"])
    pki.save(folder, "server", identity)
    return AdmissionServer(
        host="localhost",
        port=port,
        certificate=folder / "server.crt",
        key=folder / "server.key",
        authority=authority.certificate,
    )


@asynccontextmanager
async def cluster() -> AsyncIterator[KubeClient]:
    """A kube API that knows our kinds, and the operator that answers for them."""
    api = KubeApi(
        Store(MemoryBackend()),
        KubeApiOptions(tokens={_TOKEN: User("operator", ("system:masters",))}),
    )
    await api.start()
    client = KubeClient(LocalTransport(api))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(api)
        await server.listen_unix(folder / "kube.sock")
        access = SocketAccess(folder / "kube.sock", _TOKEN)
        own = access.client()
        try:
            await _install(client)
            runtime, live = controlplane.build(own, PlaneClients())
            admission = server_in(folder)
            operator = Operator(runtime, login=access.session, admission=admission)
            running = asyncio.create_task(operator.run())
            await _registered(client, admission, running)
            yield client
            operator.stop()
            await running
            await live.stop()
        finally:
            await own.close()
            await server.stop()
            await api.stop()


async def _install(client: KubeClient) -> None:
    core = bundles.load("core")
    manifests = core.manifests({})
    await bundles.apply(client, manifests)
    await bundles.wait_for(client, core, manifests, timeout_seconds=_PATIENCE_SECONDS)


async def _registered(
    client: KubeClient, admission: AdmissionServer, running: asyncio.Task[None]
) -> None:
    """Tell the API server where to ask, and wait until somebody answers there."""
    for manifest in webhooks.configurations(admission):
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        await client.apply(kind, manifest, field_manager="tests")
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not running.done():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", admission.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
    await running


def manifest(kind: str, spec: Any, name: str = "x") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": labels.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


async def test_an_api_server_asks_our_webhooks_and_they_answer_as_upstreams() -> None:
    async with cluster() as client:
        await _refused_in_the_same_words(client)
        await _completed(client)
        await _not_completed(client)


async def _refused_in_the_same_words(client: KubeClient) -> None:
    broken = component_type({"id": "a", "template": data("${nope}")})

    with pytest.raises(InvalidError) as caught:
        await client.create(registry.COMPONENT_TYPE, manifest("ComponentType", broken))

    assert caught.value.message.startswith(
        'admission webhook "vcomponenttype-v1alpha1.kb.io" denied the request:'
        ' ComponentType.openchoreo.dev "x" is invalid: spec.resources[1].template[data][a]:'
    )
    assert [cause.field for cause in caught.value.causes] == ["spec.resources[1].template[data][a]"]


async def _completed(client: KubeClient) -> None:
    stored = await client.create(registry.WORKFLOW, manifest("Workflow", workflow()))

    assert stored["spec"]["runTemplate"]["spec"] == {"serviceAccountName": "workflow-sa"}


async def _not_completed(client: KubeClient) -> None:
    spec = workflow(spec=1)

    with pytest.raises(ForbiddenError, match=r'"mworkflow-v1alpha1.kb.io" denied the request'):
        await client.create(registry.WORKFLOW, manifest("Workflow", spec, name="y"))


def workflow(**template: Any) -> dict[str, Any]:
    metadata = {"name": "${metadata.workflowRunName}", "namespace": "${metadata.namespace}"}
    run = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata}
    return {"runTemplate": {**run, **template}}
