"""What goes from a shared cluster, and in which order; what stays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from choreo_local.allinone import bundles
from choreo_local.clusters.ownership import LABEL, Ownership
from choreo_local.clusters.withdrawal import NAMESPACES, Withdrawal, kinds_of
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.manager import ControllerManager
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

pytestmark = pytest.mark.timeout(180)

MANIFESTS: tuple[Mapping[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours"}},
    {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "theirs", "labels": {"purpose": "tenant"}},
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "role"},
        "rules": [],
    },
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "theirs"}},
)


@asynccontextmanager
async def cluster() -> AsyncIterator[KubeClient]:
    """A cluster with controllers, on which a team has a namespace."""
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()
    client = KubeClient(LocalTransport(api))
    tasks = TaskGroup("withdrawal")
    manager = ControllerManager(client, SharedInformers(client, tasks), root_ca="")
    manager.start()
    for name in ("theirs", "of-the-team"):
        await client.create(NAMESPACES, {"metadata": {"name": name, "labels": {"team": "a"}}})
    try:
        yield client
    finally:
        await manager.stop()
        await tasks.stop()
        await api.stop()


def test_what_was_applied_last_goes_first_and_namespaces_at_the_end() -> None:
    assert kinds_of(MANIFESTS) == [
        ("v1", "ConfigMap"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("v1", "Namespace"),
    ]


async def test_only_what_was_applied_is_taken_away() -> None:
    owner = Ownership("ours", field_manager="tests")
    async with cluster() as client:
        config_maps = await client.resolve("v1", "ConfigMap")
        kept = {"metadata": {"name": "kept", "namespace": "theirs"}}
        await client.create(config_maps, kept)
        await owner.apply(client, MANIFESTS)
        theirs = await client.get(NAMESPACES, "theirs")
        assert theirs["metadata"]["labels"]["purpose"] == "tenant"
        assert LABEL not in theirs["metadata"]["labels"]

        withdrawal = Withdrawal(client, owner, kinds=kinds_of(MANIFESTS))
        planned = [
            f"{kind.kind} {obj['metadata']['name']}" for kind, obj in await withdrawal.plan()
        ]
        assert planned == ["ConfigMap a", "ClusterRole role", "Namespace ours"]
        assert await withdrawal.carry_out() == 3

        left = {one["metadata"]["name"] for one in (await client.list(NAMESPACES)).items}
        assert {"theirs", "of-the-team"} <= left
        assert "ours" not in left
        theirs = await client.get(NAMESPACES, "theirs")
        assert "purpose" not in theirs["metadata"]["labels"]
        assert theirs["metadata"]["labels"]["team"] == "a"
        assert not theirs["metadata"].get("annotations")
        maps = (await client.list(config_maps, "theirs")).items
        assert "kept" in {one["metadata"]["name"] for one in maps}
        assert await withdrawal.plan() == []


async def test_labels_of_the_team_survive() -> None:
    owner = Ownership("ours", field_manager="tests")
    labels = {"team": "of choreo", "purpose": "tenant"}
    wanted = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "theirs", "labels": labels},
    }
    async with cluster() as client:
        for _ in range(2):
            await owner.apply(client, [wanted])
            theirs = await client.get(NAMESPACES, "theirs")
            assert (
                theirs["metadata"]["labels"].items() >= {"team": "a", "purpose": "tenant"}.items()
            )
        await Withdrawal(client, owner, kinds=kinds_of([wanted])).carry_out()
        theirs = await client.get(NAMESPACES, "theirs")
        assert theirs["metadata"]["labels"]["team"] == "a"
        assert "purpose" not in theirs["metadata"]["labels"]


async def test_an_interrupted_attempt_can_be_repeated() -> None:
    owner = Ownership("ours", field_manager="tests")
    core = [
        one
        for one in bundles.load("core").manifests({})
        if one["metadata"]["name"] == "projects.openchoreo.dev"
    ]
    async with cluster() as client:
        # All definitions but this one were gone already.
        await owner.apply(client, core)
        withdrawal = Withdrawal(client, owner, kinds=kinds_of(core))
        assert len(await withdrawal.plan()) == 1
        assert await withdrawal.carry_out() == 1


async def test_what_another_instance_has_is_not_seen() -> None:
    async with cluster() as client:
        await Ownership("other", field_manager="tests").apply(client, MANIFESTS)
        mine = Withdrawal(
            client, Ownership("ours", field_manager="tests"), kinds=kinds_of(MANIFESTS)
        )
        assert await mine.plan() == []
        assert await mine.carry_out() == 0
        theirs = await client.get(NAMESPACES, "theirs")
        assert theirs["metadata"]["labels"]["purpose"] == "tenant"
