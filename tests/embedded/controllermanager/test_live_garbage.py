"""Owner references and namespaces, against the kube API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds
from choreo_local.kubeclient.interfaces import Propagation
from tests.embedded.controllermanager.livecluster import LiveCluster, live_cluster

MAPS = kinds.CONFIG_MAPS
WIDGETS = ResourceKind("example.com", "v1", "Widget", "widgets")


@pytest.fixture
async def cluster() -> AsyncIterator[LiveCluster]:
    async with live_cluster() as made:
        yield made


def owned(name: str, *owners: dict[str, Any], blocking: bool = False, **more: Any) -> Any:
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            **({"blockOwnerDeletion": True} if blocking else {}),
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": references, **more}}


async def owner(cluster: LiveCluster, name: str = "owner") -> dict[str, Any]:
    made = await cluster.create(MAPS, {"metadata": {"name": name}})
    return {"apiVersion": "v1", "kind": "ConfigMap", **made}


async def until_gone(cluster: LiveCluster, name: str, kind: ResourceKind = MAPS) -> None:
    await cluster.until(
        kind, lambda found: name not in {each["metadata"]["name"] for each in found}
    )


async def test_dependants_follow_their_owner_promptly(cluster: LiveCluster) -> None:
    top = await owner(cluster)
    middle = await cluster.create(MAPS, owned("middle", top))
    await cluster.create(MAPS, owned("leaf", {"apiVersion": "v1", "kind": "ConfigMap", **middle}))
    began = asyncio.get_running_loop().time()
    await cluster.client.delete(MAPS, "owner", "default", propagation=Propagation.BACKGROUND)

    await until_gone(cluster, "middle")
    await until_gone(cluster, "leaf")
    assert asyncio.get_running_loop().time() - began < 1


async def test_object_of_two_owners_goes_with_the_last(cluster: LiveCluster) -> None:
    one, two = await owner(cluster, "one"), await owner(cluster, "two")
    await cluster.create(MAPS, owned("shared", one, two))

    await cluster.client.delete(MAPS, "one", "default")
    found = await cluster.until_one(
        MAPS, "shared", lambda obj: len(obj["metadata"]["ownerReferences"]) == 1
    )
    assert found["metadata"]["ownerReferences"][0]["name"] == "two"
    await cluster.client.delete(MAPS, "two", "default")
    await until_gone(cluster, "shared")


async def test_owner_that_never_existed_takes_its_dependants_along(cluster: LiveCluster) -> None:
    ghost = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"},
    }
    await cluster.create(MAPS, owned("haunted", ghost))
    await until_gone(cluster, "haunted")


async def test_foreground_deletion_waits_for_what_blocks_it(cluster: LiveCluster) -> None:
    top = await owner(cluster)
    finalizers = ["example.com/hold"]
    await cluster.create(MAPS, owned("held", top, blocking=True, finalizers=finalizers))
    await cluster.client.delete(MAPS, "owner", "default", propagation=Propagation.FOREGROUND)

    await cluster.until_one(MAPS, "held", lambda obj: obj["metadata"].get("deletionTimestamp"))
    waiting = await cluster.find(MAPS, "owner")
    assert waiting is not None
    assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
    await cluster.client.patch(MAPS, "held", {"metadata": {"finalizers": None}}, "default")
    await until_gone(cluster, "held")
    await until_gone(cluster, "owner")


async def test_orphaned_dependants_stay_without_their_owner(cluster: LiveCluster) -> None:
    top = await owner(cluster)
    await cluster.create(MAPS, owned("kept", top))
    await cluster.client.delete(MAPS, "owner", "default", propagation=Propagation.ORPHAN)

    await until_gone(cluster, "owner")
    kept = await cluster.find(MAPS, "kept")
    assert kept is not None
    assert "ownerReferences" not in kept["metadata"]


def definition() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "singular": "widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


async def make_widget(cluster: LiveCluster) -> dict[str, Any]:
    await cluster.create(kinds.CUSTOM_RESOURCE_DEFINITIONS, definition())
    await cluster.until_one(
        kinds.CUSTOM_RESOURCE_DEFINITIONS,
        "widgets.example.com",
        lambda obj: any(
            each["type"] == "Established" and each["status"] == "True"
            for each in (obj.get("status") or {}).get("conditions") or ()
        ),
    )
    made = await cluster.create(WIDGETS, {"metadata": {"name": "w"}})
    return {"apiVersion": "example.com/v1", "kind": "Widget", **made}


async def test_kind_that_appears_later_takes_part(cluster: LiveCluster) -> None:
    widget = await make_widget(cluster)
    await cluster.create(MAPS, owned("of-widget", widget))
    await cluster.client.delete(WIDGETS, "w", "default")
    await until_gone(cluster, "of-widget")


async def test_new_namespace_gets_its_account_and_root_certificate(cluster: LiveCluster) -> None:
    await cluster.create(kinds.NAMESPACES, {"metadata": {"name": "fresh"}})

    await cluster.until(kinds.SERVICE_ACCOUNTS, lambda found: len(found) == 1, "fresh")
    (root,) = await cluster.until(MAPS, lambda found: len(found) == 1, "fresh")
    assert root["metadata"]["name"] == "kube-root-ca.crt"
    assert root["data"] == {"ca.crt": "a certificate"}

    await cluster.client.delete(kinds.SERVICE_ACCOUNTS, "default", "fresh")
    await cluster.until(kinds.SERVICE_ACCOUNTS, lambda found: len(found) == 1, "fresh")


async def test_deleted_namespace_takes_all_its_content_along(cluster: LiveCluster) -> None:
    namespace = {"metadata": {"name": "doomed"}, "spec": {"finalizers": ["kubernetes"]}}
    await cluster.create(kinds.NAMESPACES, namespace)
    await cluster.until(kinds.SERVICE_ACCOUNTS, lambda found: len(found) == 1, "doomed")
    await make_widget(cluster)
    await cluster.create(WIDGETS, {"metadata": {"name": "inside"}}, "doomed")
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    await cluster.create(MAPS, held, "doomed")
    await cluster.client.delete(kinds.NAMESPACES, "doomed")

    waiting = await cluster.until_one(
        kinds.NAMESPACES, "doomed", lambda obj: (obj.get("status") or {}).get("conditions")
    )
    told = {each["type"]: each["message"] for each in waiting["status"]["conditions"]}
    expected = "Some content in the namespace has finalizers remaining: "
    assert told["NamespaceFinalizersRemaining"] == (
        f"{expected}example.com/hold in 1 resource instances"
    )
    assert told["NamespaceContentRemaining"] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    await cluster.client.patch(MAPS, "held", {"metadata": {"finalizers": None}}, "doomed")
    await until_gone(cluster, "doomed", kinds.NAMESPACES)
