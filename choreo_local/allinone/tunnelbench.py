"""Measures the tunnel: the same requests to a cluster through an agent, and to it directly.

Gateway and callers are in this process, as in an instance; the cluster's API server and the agent
are processes of their own.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from choreo_local import pki
from choreo_local.allinone import benchservers, bundles, interpreter
from choreo_local.allinone.figures import Figure
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.clustergateway.server import AgentEndpoint
from choreo_local.clustergateway.transport import GatewayTransport, Where
from choreo_local.clusters import kubeconfigs
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient

_CONNECTIONS = 16
_WAIT_SECONDS = 60.0
_PLANE_ID = "bench"
_RESOURCE = f"default/{_PLANE_ID}"
_CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
_SMALL, _LARGE = "small", "large"

Say = Callable[[str], None]
Ask = Callable[[KubeClient], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        requests: samples of each latency, and requests in one sample of a rate.
        rounds: samples of each rate.
        kilobytes: of the large object; a kube API takes less than a megabyte.
    """

    requests: int = 1_000
    rounds: int = 5
    kilobytes: int = 900


def measure(extent: Extent, say: Say) -> list[Figure]:
    """Start a cluster and an agent, and measure both ways to it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster").mkdir()
        say("starting an API server")
        with benchservers.embedded(folder / "cluster"):
            return uvloop.run(_measure(folder, extent, say))


async def _measure(folder: Path, extent: Extent, say: Say) -> list[Figure]:
    kubeconfig = folder / "cluster" / "kubeconfig"
    content = kubeconfigs.single(kubeconfigs.read([kubeconfig]), "")
    direct = (await kubeconfigs.connect(content)).client()
    try:
        async with _tunnel(folder, kubeconfig, say) as through:
            await _fill(direct, extent)
            figures: list[Figure] = []
            for name, client in (("direct", direct), ("tunnel", through)):
                say(f"requests, {name}")
                figures += await _figures(name, client, extent)
            return figures
    finally:
        await direct.close()


async def _figures(name: str, client: KubeClient, extent: Extent) -> list[Figure]:
    latency = Figure(f"GET an object, {name}", "-")
    for _ in range(extent.requests):
        began = time.perf_counter()
        await _get_small(client)
        latency.samples.append((time.perf_counter() - began) * 1e3)
    rate = Figure(f"GET, {_CONNECTIONS} at once, {name}", "-", unit="/s", more_is_better=True)
    volume = Figure(f"GET {extent.kilobytes} kB, {name}", "-", unit="MB/s", more_is_better=True)
    megabytes = extent.kilobytes / 1e3
    large = max(1, extent.requests // 20)
    for _ in range(extent.rounds):
        rate.samples.append(await _rate(client, _get_small, extent.requests, _CONNECTIONS))
        volume.samples.append(await _rate(client, _get_large, large, 4) * megabytes)
    return [latency, rate, volume]


async def _rate(client: KubeClient, ask: Ask, count: int, at_once: int) -> float:
    """Requests in a second."""
    numbers = iter(range(count))

    async def work(numbers: Iterator[int] = numbers) -> None:
        for _ in numbers:
            await ask(client)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


async def _get_small(client: KubeClient) -> object:
    return await client.get(_CONFIG_MAPS, _SMALL, "default")


async def _get_large(client: KubeClient) -> object:
    # As bytes: reading JSON would be measured too.
    path = _CONFIG_MAPS.path("default", _LARGE)
    return await client.transport.request("GET", path, headers={"Accept": "application/json"})


async def _fill(client: KubeClient, extent: Extent) -> None:
    for name, size in ((_SMALL, 100), (_LARGE, extent.kilobytes * 1000)):
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default"},
            "data": {"content": "x" * size},
        }
        await client.create(_CONFIG_MAPS, manifest)


@asynccontextmanager
async def _tunnel(folder: Path, kubeconfig: Path, say: Say) -> AsyncIterator[KubeClient]:
    """A client of the cluster whose requests go through gateway and agent."""
    server = folder / "gateway"
    authority = pki.ensure_authority(server, "bench authority")
    pki.ensure_server(server, "tls", authority=authority, hosts=["localhost"])
    pki.save(server, "agent", pki.issue_client(authority, _PLANE_ID))
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(_control_plane(authority.certificate.decode()))
        gateway = ClusterGateway(control, on_change=lambda *_: None)
        stack.push_async_callback(gateway.stop)
        listening = socket.create_server(("127.0.0.1", 0))
        endpoint = AgentEndpoint(gateway, certificate=server / "tls.crt", key=server / "tls.key")
        await endpoint.start(listening)
        stack.push_async_callback(endpoint.stop)
        say("starting an agent")
        arguments = _agent(server, kubeconfig, listening.getsockname()[1])
        await stack.enter_async_context(_process(folder / "agent.log", arguments))
        await _until_connected(gateway, folder / "agent.log")
        where = Where("dataplane", _PLANE_ID, _RESOURCE)
        yield KubeClient(GatewayTransport(gateway, loop=asyncio.get_running_loop(), where=where))


@asynccontextmanager
async def _control_plane(authority: str) -> AsyncIterator[KubeClient]:
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()
    client = KubeClient(LocalTransport(api))
    plane = {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": "DataPlane",
        "metadata": {"name": _PLANE_ID, "namespace": "default"},
        "spec": {"planeID": _PLANE_ID, "clusterAgent": {"clientCA": {"value": authority}}},
    }
    try:
        await bundles.apply(client, bundles.load("core").manifests({}))
        await bundles.apply(client, [plane])
        yield client
    finally:
        await api.stop()


def _agent(server: Path, kubeconfig: Path, port: int) -> list[str]:
    options = {
        "--plane-id": _PLANE_ID,
        "--gateway": f"wss://localhost:{port}/ws",
        "--cert": str(server / "agent.crt"),
        "--key": str(server / "agent.key"),
        "--ca": str(server / "ca.crt"),
        "--kubeconfig": str(kubeconfig),
    }
    words = [word for pair in options.items() for word in pair]
    return interpreter.module("choreo_local", "agent", "--own-rights", *words)


@asynccontextmanager
async def _process(log: Path, command: Sequence[str]) -> AsyncIterator[None]:
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(*command, stdout=sink, stderr=sink)
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_connected(gateway: ClusterGateway, log: Path) -> None:
    deadline = time.perf_counter() + _WAIT_SECONDS
    while not gateway.connections.of_resource("dataplane", _PLANE_ID, _RESOURCE):
        if time.perf_counter() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise WaitTimeoutError(
                f"the agent did not connect within {_WAIT_SECONDS:.0f} s: {said}"
            )
        await asyncio.sleep(0.02)
