"""Kind to resource, learnt from a real cluster and from a faulty one."""

from __future__ import annotations

import pytest

from choreo_local import errors
from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from tests.kubeclient.faulty import failure, reply, serving

GROUP = "things.example.com"


async def test_kinds_of_all_groups_are_known(client: KubeClient) -> None:
    assert await client.resolve("v1", "Namespace") == ResourceKind(
        "", "v1", "Namespace", "namespaces", namespaced=False
    )
    assert (await client.resolve("apps/v1", "Deployment")).plural == "deployments"
    assert (await client.resolve("v1", "Endpoints")).plural == "endpoints"


@pytest.mark.parametrize(
    ("api_version", "kind"), [("v1", "Nonsense"), ("nowhere/v1", "Pod"), ("", "Pod"), ("v9", "Pod")]
)
async def test_an_unknown_kind_is_named(client: KubeClient, api_version: str, kind: str) -> None:
    with pytest.raises(errors.NotFoundError) as caught:
        await client.resolve(api_version, kind)

    assert caught.value.message == f'no matches for kind "{kind}" in version "{api_version}"'


async def established(client: KubeClient, kind: ResourceKind, created: Manifest) -> None:
    """Return once the kinds of a definition are served."""
    start = created["metadata"]["resourceVersion"]
    events = client.watch(kind, resource_version=start, timeout_seconds=5)
    async for event in events:
        reached = event.object.get("status", {}).get("conditions") or ()
        if conditions.is_true(reached, "Established"):
            break
    await events.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_kind_that_is_added_later_is_found(client: KubeClient) -> None:
    with pytest.raises(errors.NotFoundError):
        await client.resolve(f"{GROUP}/v1", "Thing")
    definitions = await client.resolve("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    names = {"plural": "things", "kind": "Thing"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    spec = {
        "group": GROUP,
        "scope": "Cluster",
        "names": names,
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    manifest = {"metadata": {"name": f"things.{GROUP}"}, "spec": spec}
    created = await client.create(definitions, manifest)
    await established(client, definitions, created)

    found = await client.resolve(f"{GROUP}/v1", "Thing")

    assert (found.plural, found.namespaced) == ("things", False)


async def test_a_version_is_asked_for_once_and_subresources_are_no_kinds() -> None:
    resources = [
        {"name": "pods", "kind": "Pod", "namespaced": True},
        {"name": "pods/eviction", "kind": "Eviction", "namespaced": True},
    ]
    async with serving(reply({"resources": resources})) as (client, server):
        assert [await client.resolve("v1", "Pod") for _ in range(3)][2].plural == "pods"
        assert len(server.asked) == 1
        with pytest.raises(errors.NotFoundError):
            await client.resolve("v1", "Eviction")

    assert [request.path for request in server.asked] == ["/api/v1", "/api/v1"]


async def test_a_server_that_fails_is_not_taken_for_one_without_kinds() -> None:
    async with serving(reply(failure(503, "ServiceUnavailable"), 503)) as (client, _):
        with pytest.raises(errors.ServiceUnavailableError):
            await client.resolve("v1", "Pod")
