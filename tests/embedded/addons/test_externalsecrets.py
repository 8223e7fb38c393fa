"""ExternalSecrets become Secrets, against the kube API."""

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
from choreo_local.embedded.addons import externalsecrets, stores
from choreo_local.embedded.addons.externalsecrets import (
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    PASSWORDS,
    SECRETS,
    ExternalSecretsController,
)
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


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


class World:
    """A kube API with the controller, the store `default` and the namespace `apps`."""

    def __init__(self, kube: KubeClient) -> None:
        self.kube = kube

    async def prepare(self) -> None:
        for path in sorted(CRDS.glob("*external-secrets.io_*.yaml")):
            await self.kube.create(DEFINITIONS, yaml.safe_load(path.read_text()))
        for name in (stores.NAMESPACE, "apps"):
            await self.kube.create(NAMESPACES, {"metadata": {"name": name}})
        for kind in (EXTERNAL_SECRETS, CLUSTER_SECRET_STORES, PASSWORDS):
            await self.until(functools.partial(self._is_served, kind))
        store = {"provider": {"vault": {"server": "http://vault.example:8200"}}}
        await self.create(CLUSTER_SECRET_STORES, "default", spec=store)

    async def _is_served(self, kind: ResourceKind) -> bool:
        try:
            await self.kube.resolve(kind.api_version, kind.kind)
        except NotFoundError:
            return False
        return True

    async def create(
        self, kind: ResourceKind, name: str, namespace: str = "apps", **fields: Any
    ) -> None:
        metadata: dict[str, Any] = {"name": name, **fields.pop("metadata", {})}
        if kind.namespaced:
            metadata["namespace"] = namespace
        await self.kube.create(
            kind,
            {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields},
        )

    async def seed(self, name: str, key: str = "", **properties: str) -> None:
        metadata = {"annotations": {stores.KEY: key}} if key else {}
        await self.create(
            SECRETS, name, stores.NAMESPACE, metadata=metadata, data=encoded(**properties)
        )

    async def external(self, name: str = "app", **spec: Any) -> None:
        reference = {"kind": "ClusterSecretStore", "name": "default"}
        await self.create(EXTERNAL_SECRETS, name, spec={"secretStoreRef": reference, **spec})

    async def until(self, fulfilled: Callable[[], Any]) -> Any:
        async with asyncio.timeout(30):
            while True:
                found = await fulfilled()
                if found:
                    return found
                await asyncio.sleep(0.005)

    async def secret(self, name: str = "app") -> dict[str, Any]:
        async def found() -> Any:
            try:
                return await self.kube.get(SECRETS, name, "apps")
            except NotFoundError:
                return None

        made: dict[str, Any] = await self.until(found)
        return made

    async def values(self, name: str = "app") -> dict[str, str]:
        data = (await self.secret(name)).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    async def ready(self, status: str, name: str = "app") -> dict[str, Any]:
        async def found() -> Any:
            obj = await self.kube.get(EXTERNAL_SECRETS, name, "apps")
            for each in (obj.get("status") or {}).get("conditions") or ():
                if each["type"] == "Ready" and each["status"] == status:
                    return each
            return None

        made: dict[str, Any] = await self.until(found)
        return made


@pytest.fixture
async def world() -> AsyncIterator[World]:
    api = KubeApi(Store(MemoryBackend()))
    await api.start()
    kube = KubeClient(LocalTransport(api))
    tasks = TaskGroup("test")
    controller = ExternalSecretsController(kube, SharedInformers(kube, tasks))
    controller.start()
    made = World(kube)
    try:
        await made.prepare()
        yield made
    finally:
        await controller.stop()
        await tasks.stop()
        await api.stop()


def single(secret_key: str, key: str, **reference: str) -> dict[str, Any]:
    return {"secretKey": secret_key, "remoteRef": {"key": key, **reference}}


async def test_values_of_the_store_become_an_owned_secret(world: World) -> None:
    await world.seed("github-pat", value="token")
    await world.seed("db", key="prod/db", user="u", password="p")
    await world.external(
        data=[
            single("PAT", "github-pat", property="value"),
            single("P", "prod/db", property="password"),
        ],
        target={"name": "made", "creationPolicy": "Owner"},
    )

    secret = await world.secret("made")
    assert await world.values("made") == {"PAT": "token", "P": "p"}
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ExternalSecret", "app", True)
    condition = await world.ready("True")
    assert (condition["reason"], condition["message"]) == ("SecretSynced", "secret synced")
    status = (await world.kube.get(EXTERNAL_SECRETS, "app", "apps"))["status"]
    assert status["binding"] == {"name": "made"}
    assert status["refreshTime"]


async def test_missing_key_is_named_and_mended_when_it_appears(world: World) -> None:
    await world.external(data=[single("A", "later", property="value")])

    condition = await world.ready("False")
    assert condition["reason"] == "SecretSyncedError"
    assert 'key "later" does not exist' in condition["message"]

    await world.seed("later", value="now")
    await world.ready("True")
    assert await world.values() == {"A": "now"}


async def test_changed_value_arrives_at_once(world: World) -> None:
    await world.seed("k", value="one")
    await world.external(data=[single("A", "k")], refreshInterval="1h")
    assert await world.values() == {"A": "one"}
    await world.ready("True")

    new = {"data": encoded(value="two")}
    await world.kube.patch(SECRETS, "k", new, stores.NAMESPACE)

    async def is_new() -> bool:
        return await world.values() == {"A": "two"}

    await world.until(is_new)


async def test_secret_that_was_changed_or_deleted_comes_back(world: World) -> None:
    await world.seed("k", value="one")
    await world.external(data=[single("A", "k")])
    await world.ready("True")

    await world.kube.patch(SECRETS, "app", {"data": encoded(A="bad")}, "apps")

    async def is_right() -> bool:
        return await world.values() == {"A": "one"}

    await world.until(is_right)
    await world.kube.delete(SECRETS, "app", "apps")
    assert await world.values() == {"A": "one"}


async def test_generated_password_fills_a_template_and_stays(world: World) -> None:
    spec = {"length": 32, "digits": 8, "symbols": 0, "noUpper": False, "allowRepeat": True}
    await world.create(PASSWORDS, "creds", spec=spec)
    reference = {"apiVersion": PASSWORDS.api_version, "kind": "Password", "name": "creds"}
    template = {
        "type": "Opaque",
        "data": {"url": "redis://:{{ .password }}@host", "p": "{{ .password }}"},
    }
    await world.external(
        refreshInterval="0",
        dataFrom=[{"sourceRef": {"generatorRef": reference}}],
        target={"template": template},
    )
    await world.ready("True")

    first = await world.values()
    assert first["url"] == f"redis://:{first['p']}@host"
    assert len(first["p"]) == 32
    assert sum(char.isdigit() for char in first["p"]) >= 8
    await world.kube.patch(
        EXTERNAL_SECRETS, "app", {"status": {"x": "y"}}, "apps", subresource="status"
    )
    await asyncio.sleep(0.1)
    assert await world.values() == first


async def test_unsupported_template_is_refused_with_its_text(world: World) -> None:
    await world.seed("k", value="one")
    template = {"data": {"a": "{{ range . }}x{{ end }}"}}
    await world.external(data=[single("A", "k")], target={"template": template})
    condition = await world.ready("False")
    assert "{{ range . }} is not supported" in condition["message"]


async def test_store_says_that_it_is_ready(world: World) -> None:
    async def found() -> Any:
        store = await world.kube.get(externalsecrets.CLUSTER_SECRET_STORES, "default")
        return (store.get("status") or {}).get("conditions")

    (condition,) = await world.until(found)
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "Ready",
        "True",
        "Valid",
    )
