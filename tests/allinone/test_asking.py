"""A cluster that is told to ask, and what becomes of that when the attempt breaks off."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from choreo_local.allinone import asking, bundles
from choreo_local.allinone.asking import Asking
from choreo_local.allinone.seeding import Seeder
from choreo_local.controllers import webhooks
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.threads import LoopThread


class Cluster:
    """Reached with all rights, as a seeder does."""

    def __init__(self) -> None:
        self.api = KubeApi(Store(MemoryBackend()), KubeApiOptions())

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[KubeClient]:
        yield KubeClient(LocalTransport(self.api))

    async def apply(self, manifests: Sequence[Any]) -> None:
        async with self.admin() as client:
            await bundles.apply(client, manifests)

    def owns(self, obj: Mapping[str, Any]) -> bool:
        return bool(obj["metadata"].get("labels", {}).get("of") != "another")

    async def asked(self) -> list[int]:
        """How many webhooks each configuration has."""
        counts = []
        async with self.admin() as client:
            for prefix in ("Mutating", "Validating"):
                kind = await client.resolve(
                    "admissionregistration.k8s.io/v1", f"{prefix}WebhookConfiguration"
                )
                found = await client.get(kind, webhooks.CONFIGURATION)
                counts.append(len(found.get("webhooks") or ()))
        return counts


def test_a_cluster_does_not_go_on_asking_when_the_attempt_breaks_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[list[int]] = []

    async def broken(_: KubeClient) -> str:
        seen.append(await cluster.asked())
        raise UnreachableError("the cluster is gone")

    monkeypatch.setattr(asking, "_tried", broken)
    cluster, thread = Cluster(), LoopThread("asking")
    thread.start()
    thread.call(cluster.api.start(), timeout=60)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        admission = AdmissionServer(
            host="127.0.0.1",
            port=listening.getsockname()[1],
            certificate=tmp_path / "tls.crt",
            key=tmp_path / "tls.key",
            authority=b"",
        )
        asked = Asking(admission, cast("Seeder", cluster), thread)
        with pytest.raises(UnreachableError, match="the cluster is gone"):
            asked.start()

    assert all(count > 0 for count in seen[0])
    assert thread.call(cluster.asked(), timeout=60) == [0, 0]
    thread.call(cluster.api.stop(), timeout=60)
    thread.stop()


@pytest.mark.parametrize(("label", "is_left"), [({}, False), ({"of": "another"}, True)])
async def test_what_a_kill_left_behind_is_mended_and_nobody_elses(
    tmp_path: Path, label: dict[str, str], *, is_left: bool
) -> None:
    cluster = Cluster()
    await cluster.api.start()
    nowhere = AdmissionServer("127.0.0.1", 1, tmp_path / "crt", tmp_path / "key", b"")
    await asking.forget(cast("Seeder", cluster))
    for one in webhooks.configurations(nowhere):
        one["metadata"]["labels"] = label
        await cluster.apply([one])
    before = await cluster.asked()
    await asking.forget(cast("Seeder", cluster))
    assert await cluster.asked() == (before if is_left else [0, 0])
    await cluster.api.stop()
