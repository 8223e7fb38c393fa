"""PushSecrets bring values to the local store, against the kube API."""

from __future__ import annotations

import asyncio
import base64
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.addons import pushplans, stores
from choreo_local.embedded.addons.externalsecrets import CLUSTER_SECRET_STORES, SECRETS
from choreo_local.embedded.addons.pushsecrets import PUSH_SECRETS, PushSecretsController
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

CRDS = Path(__file__).parents[3] / "bundles" / "dataplane" / "crds"
DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition",
    "customresourcedefinitions", namespaced=False,
)  # fmt: skip
NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
REMOTE_KEY = "secret/acme/git/readonly"

Manifest = dict[str, Any]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def push(*keys: str, **spec: Any) -> Manifest:
    matches = [
        {"match": {"secretKey": key, "remoteRef": {"remoteKey": REMOTE_KEY, "property": key}}}
        for key in keys
    ]
    return {
        "apiVersion": PUSH_SECRETS.api_version,
        "kind": "PushSecret",
        "metadata": {"name": "readonly", "namespace": "apps"},
        "spec": {
            "secretStoreRefs": [{"name": "default", "kind": "ClusterSecretStore"}],
            "selector": {"secret": {"name": "readonly"}},
            "data": matches,
            **spec,
        },
    }


def secret(**data: str) -> Manifest:
    return {
        "metadata": {"name": "readonly", "namespace": "apps"},
        "data": {key: encoded(text) for key, text in data.items()},
    }


class World:
    """A kube API with the controller, the store `default` and the namespace `apps`."""

    def __init__(self, kube: KubeClient) -> None:
        self.kube = kube

    async def prepare(self) -> None:
        for path in sorted(CRDS.glob("external-secrets.io_*.yaml")):
            await self.kube.create(DEFINITIONS, yaml.safe_load(path.read_text()))
        for name in (stores.NAMESPACE, "apps"):
            await self.kube.create(NAMESPACES, {"metadata": {"name": name}})
        for kind in (PUSH_SECRETS, CLUSTER_SECRET_STORES):
            await self.until(functools.partial(self.is_served, kind))
        provider = {"kubernetes": {"remoteNamespace": stores.NAMESPACE}}
        await self.kube.create(
            CLUSTER_SECRET_STORES,
            {
                "apiVersion": CLUSTER_SECRET_STORES.api_version,
                "kind": "ClusterSecretStore",
                "metadata": {"name": "default"},
                "spec": {"provider": provider},
            },
        )

    async def is_served(self, kind: ResourceKind) -> bool:
        try:
            await self.kube.resolve(kind.api_version, kind.kind)
        except NotFoundError:
            return False
        return True

    async def kept(self) -> dict[str, str] | None:
        """The properties of the key in the store."""
        found = await self.kube.list(SECRETS, stores.NAMESPACE)
        for each in found.items:
            if stores.key_of(each) == REMOTE_KEY:
                data = each.get("data") or {}
                return {key: base64.b64decode(text).decode() for key, text in data.items()}
        return None

    async def condition(self) -> tuple[str, str]:
        found = await self.kube.get(PUSH_SECRETS, "readonly", "apps")
        conditions = (found.get("status") or {}).get("conditions") or [{}]
        return conditions[0].get("reason", ""), conditions[0].get("message", "")

    async def until(self, is_met: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while True:
                if await is_met():
                    return
                await asyncio.sleep(0.01)

    async def until_kept(self, expected: dict[str, str] | None) -> None:
        async def is_met() -> bool:
            return await self.kept() == expected

        await self.until(is_met)

    async def until_said(self, reason: str, text: str) -> None:
        async def is_met() -> bool:
            found = await self.condition()
            return found[0] == reason and text in found[1]

        await self.until(is_met)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    api = KubeApi(Store(MemoryBackend()))
    await api.start()
    kube = KubeClient(LocalTransport(api))
    tasks = TaskGroup("informers")
    controller = PushSecretsController(kube, SharedInformers(kube, tasks))
    controller.start()
    try:
        made = World(kube)
        await made.prepare()
        yield made
    finally:
        await controller.stop()
        await tasks.stop()
        await api.stop()


async def test_values_come_to_the_store_and_follow_the_secret(world: World) -> None:
    await world.kube.create(SECRETS, secret(password="one"))
    await world.kube.create(PUSH_SECRETS, push("password"))
    await world.until_kept({"password": "one"})

    await world.kube.patch(SECRETS, "readonly", {"data": {"password": encoded("two")}}, "apps")
    await world.until_kept({"password": "two"})
    await world.until_said("Synced", "PushSecret synced successfully")


async def test_secret_that_comes_later_is_waited_for(world: World) -> None:
    await world.kube.create(PUSH_SECRETS, push("password"))
    await world.until_said("Errored", 'Secret "readonly" does not exist')

    await world.kube.create(SECRETS, secret(password="late"))
    await world.until_kept({"password": "late"})


async def test_key_that_is_missing_is_named(world: World) -> None:
    await world.kube.create(SECRETS, secret(password="one"))
    await world.kube.create(PUSH_SECRETS, push("token"))
    await world.until_said("Errored", 'Secret "readonly" has no key "token"')
    assert await world.kept() is None


async def test_values_leave_the_store_with_the_object_when_that_is_wanted(world: World) -> None:
    await world.kube.create(SECRETS, secret(password="one"))
    await world.kube.create(PUSH_SECRETS, push("password", deletionPolicy="Delete"))
    await world.until_kept({"password": "one"})

    await world.kube.delete(PUSH_SECRETS, "readonly", "apps")
    await world.until_kept(None)


async def test_values_that_are_there_stay_when_that_is_wanted(world: World) -> None:
    existing = {
        "metadata": {
            "name": "any",
            "namespace": stores.NAMESPACE,
            "annotations": {stores.KEY: REMOTE_KEY},
        },
        "data": {"password": encoded("older")},
    }
    await world.kube.create(SECRETS, existing)
    await world.kube.create(SECRETS, secret(password="newer"))
    await world.kube.create(PUSH_SECRETS, push("password", updatePolicy="IfNotExists"))
    await world.until_said("Synced", "")
    assert await world.kept() == {"password": "older"}


def test_status_that_says_the_same_does_not_change() -> None:
    first = pushplans.status(push("password"), "", "2026-01-01T00:00:00Z")
    again = pushplans.status({**push("password"), "status": first}, "", "2026-01-02T00:00:00Z")
    assert again == first
