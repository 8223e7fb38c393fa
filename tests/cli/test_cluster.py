"""What a person calls a kind of the kube API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from choreo_local.cli import cluster
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import UsageError
from choreo_local.kubeclient.client import KubeClient


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    """A client of an empty cluster."""
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()
    found = KubeClient(LocalTransport(api))
    yield found
    await found.close()
    await api.stop()


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("po", "pods"),
        ("Pod", "pods"),
        ("pods", "pods"),
        ("deploy", "deployments"),
        ("deployments.apps", "deployments"),
        ("ns", "namespaces"),
        ("netpol", "networkpolicies"),
        ("crd", "customresourcedefinitions"),
    ],
)
async def test_every_name_that_the_cluster_serves_is_known(
    client: KubeClient, name: str, plural: str
) -> None:
    assert (await cluster.kind_of(client, name)).plural == plural


@pytest.mark.parametrize("name", ["nonsense", "pods.apps", "", "/"])
async def test_an_unknown_kind_is_said_with_where_to_look(client: KubeClient, name: str) -> None:
    with pytest.raises(UsageError, match="unknown kind") as refused:
        await cluster.kind_of(client, name)
    assert "api-resources" in refused.value.remedy
