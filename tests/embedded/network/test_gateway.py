"""The gateway controller, from the kube API to HTTP answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.network import kinds
from choreo_local.embedded.network.datapath import Addresses
from choreo_local.embedded.network.envoy import Envoy, find_envoy
from choreo_local.embedded.network.gateway import GatewayController
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup
from tests.embedded.network.gatewayobjects import (
    backend,
    endpoint_slice,
    gateway,
    gateway_class,
    prefix,
    route,
    rule,
    service,
)
from tests.embedded.network.test_datapaths import HOST, Client, Upstream, free_port

CRDS = Path(__file__).parents[3] / "bundles" / "dataplane" / "crds"
DEFINITIONS = kinds.CUSTOM_RESOURCE_DEFINITIONS


class World:
    """A kube API, the gateway controller, and a client of the gateway."""

    def __init__(self, kube: KubeClient, gateway_client: Client, envoy: Envoy) -> None:
        self.kube = kube
        self.client = gateway_client
        self.envoy = envoy

    async def install(self) -> None:
        """Make the Gateway API kinds, which are custom resources."""
        for path in sorted(CRDS.glob("gateway.networking.k8s.io_*.yaml")):
            await self.kube.create(DEFINITIONS, yaml.safe_load(path.read_text()))

    async def create(self, obj: dict[str, Any], **more: Any) -> None:
        kept = ("name", "namespace", "labels")
        metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
        async with asyncio.timeout(30):
            kind = await self._served(obj)
        await self.kube.create(kind, {**obj, **more, "metadata": metadata})

    async def _served(self, obj: dict[str, Any]) -> Any:
        while True:
            try:
                return await self.kube.resolve(obj["apiVersion"], obj["kind"])
            except NotFoundError:
                await asyncio.sleep(0.005)

    async def until(self, fulfilled: Callable[[], Any]) -> Any:
        async with asyncio.timeout(30):
            while True:
                found = await fulfilled()
                if found:
                    return found
                await asyncio.sleep(0.002)

    async def until_answered(self, path: str, upstream: str) -> None:
        async def asked() -> bool:
            try:
                status, body, _ = await self.client.get(path)
            except aiohttp.ClientError:
                return False
            return status == 200 and body["upstream"] == upstream

        await self.until(asked)


@asynccontextmanager
async def running(directory: Path, program: Path | None = None) -> AsyncIterator[World]:
    program = program or find_envoy()
    if program is None:
        pytest.skip("no Envoy for this platform")
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(service_range="127.96.0.0/16"))
    await api.start()
    kube = KubeClient(LocalTransport(api))
    tasks = TaskGroup("test")
    port = free_port()
    addresses = Addresses(ports={19080: port})
    path = Envoy(
        program,
        directory=directory / "envoy",
        log=directory / "envoy.log",
        instance=f"test-{port}",
        addresses=addresses,
    )
    controller = GatewayController(kube, SharedInformers(kube, tasks), path, addresses)
    await controller.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield World(kube, Client(session, port), path)
    finally:
        await controller.stop()
        await tasks.stop()
        await api.stop()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as made:
        await made.kube.create(kinds.NAMESPACES, {"metadata": {"name": "infra"}})
        await made.kube.create(kinds.NAMESPACES, {"metadata": {"name": "apps"}})
        yield made


@pytest.fixture
async def upstreams() -> AsyncIterator[list[Upstream]]:
    made = [Upstream("one"), Upstream("two")]
    for each in made:
        await each.start()
    yield made
    for each in made:
        await each.stop()


READY = {"ready": True, "serving": True, "terminating": False}


async def test_route_made_after_its_kind_answers_and_follows_its_endpoints(
    world: World, upstreams: list[Upstream]
) -> None:
    await world.install()
    await world.create(gateway_class())
    await world.create(gateway())
    await world.create(service())
    await world.create(endpoint_slice(("127.0.0.1", READY), port=upstreams[0].port))
    await world.create(route(rule(prefix("/a")), hostnames=(HOST,)))
    await world.until_answered("/a/x", "one")

    moved = {"ports": [{"name": "", "port": upstreams[1].port, "protocol": "TCP"}]}
    await world.kube.patch(kinds.ENDPOINT_SLICES, "greeter-1", moved, "apps")
    await world.until_answered("/a/x", "two")

    await world.kube.delete(kinds.HTTP_ROUTES, "greeter", "apps")

    async def is_gone() -> bool:
        return (await world.client.get("/a/x"))[0] == 404

    await world.until(is_gone)


async def test_statuses_say_what_is_served(world: World) -> None:
    await world.install()
    await world.create(gateway_class())
    await world.create(gateway())
    await world.create(service())
    await world.create(route(rule(backendRefs=[backend("missing")]), hostnames=(HOST,)))

    async def settled() -> Any:
        found = await world.kube.get(kinds.HTTP_ROUTES, "greeter", "apps")
        return found if (found.get("status") or {}).get("parents") else None

    found = await world.until(settled)
    (parent,) = found["status"]["parents"]
    assert parent["controllerName"] == "choreo.dev/gateway-controller"
    assert parent["parentRef"]["name"] == "gateway-default"
    conditions = {each["type"]: each for each in parent["conditions"]}
    assert conditions["Accepted"]["status"] == "True"
    assert conditions["ResolvedRefs"]["reason"] == "BackendNotFound"
    assert conditions["ResolvedRefs"]["message"] == "Service apps/missing does not exist"

    async def programmed() -> Any:
        found = await world.kube.get(kinds.GATEWAYS, "gateway-default", "infra")
        listed = (found.get("status") or {}).get("listeners") or [{}]
        return found if listed[0].get("attachedRoutes") == 1 else None

    status = (await world.until(programmed))["status"]
    told = {each["type"]: each["status"] for each in status["conditions"]}
    assert told == {"Accepted": "True", "Programmed": "True"}
    listened = {each["type"]: each["status"] for each in status["listeners"][0]["conditions"]}
    assert listened == {
        "Accepted": "True",
        "Conflicted": "False",
        "ResolvedRefs": "True",
        "Programmed": "True",
    }
    assert status["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    class_ = await world.kube.get(kinds.GATEWAY_CLASSES, "choreo")
    assert class_["status"]["conditions"][0]["status"] == "True"
