"""The Kubernetes verbs against a real kube API, over every way to it."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local import errors
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient import client as clients
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import PatchType, Propagation
from tests.kubeclient.faulty import CONFIG_MAPS

NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
DEPLOYMENTS = ResourceKind("apps", "v1", "Deployment", "deployments")
SERVICE_ACCOUNTS = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    full = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": full, "data": {"k": "v"}}


async def test_what_was_created_can_be_read(client: KubeClient) -> None:
    created = await client.create(CONFIG_MAPS, config_map())

    assert await client.get(CONFIG_MAPS, "a", "default") == created
    assert created["metadata"]["managedFields"][0]["manager"] == "test"


async def test_creating_twice_is_an_error_of_its_own(client: KubeClient) -> None:
    await client.create(CONFIG_MAPS, config_map())

    with pytest.raises(errors.AlreadyExistsError) as caught:
        await client.create(CONFIG_MAPS, config_map())

    assert caught.value.message == 'configmaps "a" already exists'
    assert caught.value.details == {"name": "a", "kind": "configmaps"}


async def test_a_dry_run_stores_nothing(client: KubeClient) -> None:
    await client.create(CONFIG_MAPS, config_map(), dry_run=True)
    await client.apply(CONFIG_MAPS, config_map("b"), field_manager="x", dry_run=True)

    for name in ("a", "b"):
        with pytest.raises(errors.NotFoundError):
            await client.get(CONFIG_MAPS, name, "default")


async def test_a_server_chooses_the_name_that_was_left_open(client: KubeClient) -> None:
    manifest = config_map()
    manifest["metadata"] = {"generateName": "made-", "namespace": "default"}

    created = await client.create(CONFIG_MAPS, manifest)

    assert created["metadata"]["name"].startswith("made-")


async def test_a_list_has_apiversion_and_kind_in_each_item(client: KubeClient) -> None:
    await client.create(CONFIG_MAPS, config_map())

    found = await client.list(CONFIG_MAPS, "default", field_selector="metadata.name=a")

    assert [(item["apiVersion"], item["kind"]) for item in found.items] == [("v1", "ConfigMap")]
    assert int(found.resource_version) > 0


async def test_lists_are_selected_by_labels_and_fields(client: KubeClient) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "red")):
        await client.create(CONFIG_MAPS, config_map(name, labels={"colour": colour}))

    red = await client.list(CONFIG_MAPS, label_selector="colour=red")
    named = await client.list(
        CONFIG_MAPS, "default", label_selector="colour=red", field_selector="metadata.name=c"
    )

    assert [item["metadata"]["name"] for item in red.items] == ["a", "c"]
    assert [item["metadata"]["name"] for item in named.items] == ["c"]


async def test_a_long_list_comes_complete(
    client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_PAGE", 3)
    names = [f"n{number}" for number in range(8)]
    for name in names:
        await client.create(CONFIG_MAPS, config_map(name, labels={"of": "many"}))

    found = await client.list(CONFIG_MAPS, label_selector="of=many")

    assert [item["metadata"]["name"] for item in found.items] == names


async def test_a_stale_update_is_a_conflict(client: KubeClient) -> None:
    created = await client.create(CONFIG_MAPS, config_map())
    updated = await client.update(CONFIG_MAPS, {**created, "data": {"k": "new"}})

    assert updated["data"] == {"k": "new"}
    with pytest.raises(errors.ConflictError) as caught:
        await client.update(CONFIG_MAPS, {**created, "data": {"k": "other"}})
    assert not isinstance(caught.value, errors.AlreadyExistsError)


async def test_a_status_is_written_by_itself(client: KubeClient) -> None:
    labels = {"app": "a"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    manifest = {
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    created = await client.create(DEPLOYMENTS, manifest)
    created["spec"]["replicas"] = 7
    created["status"] = {"observedGeneration": 1}

    updated = await client.update_status(DEPLOYMENTS, created)

    assert updated["status"]["observedGeneration"] == 1
    assert updated["spec"]["replicas"] == 1


async def test_apply_owns_what_it_names_and_refuses_what_others_own(client: KubeClient) -> None:
    await client.apply(CONFIG_MAPS, config_map(), field_manager="first")
    other = {**config_map(), "data": {"k": "other"}}

    with pytest.raises(errors.ConflictError) as caught:
        await client.apply(CONFIG_MAPS, other, field_manager="second", force=False)
    assert caught.value.causes[0].field == ".data.k"
    assert "first" in caught.value.causes[0].message

    forced = await client.apply(CONFIG_MAPS, other, field_manager="second")
    assert forced["data"] == {"k": "other"}


@pytest.mark.parametrize(
    ("patch_type", "patch"),
    [
        (PatchType.MERGE, {"data": {"x": "1"}}),
        (PatchType.STRATEGIC, {"data": {"x": "1"}}),
        (PatchType.JSON, [{"op": "add", "path": "/data/x", "value": "1"}]),
    ],
)
async def test_a_patch_changes_a_part(
    client: KubeClient, patch_type: PatchType, patch: Any
) -> None:
    await client.create(CONFIG_MAPS, config_map())

    patched = await client.patch(CONFIG_MAPS, "a", patch, "default", patch_type=patch_type)

    assert patched["data"] == {"k": "v", "x": "1"}


async def test_delete_takes_only_the_object_that_was_meant(client: KubeClient) -> None:
    created = await client.create(CONFIG_MAPS, config_map())

    with pytest.raises(errors.ConflictError):
        await client.delete(CONFIG_MAPS, "a", "default", uid="another")
    await client.delete(CONFIG_MAPS, "a", "default", uid=created["metadata"]["uid"])
    with pytest.raises(errors.NotFoundError):
        await client.get(CONFIG_MAPS, "a", "default")


async def test_delete_says_what_becomes_of_dependants(client: KubeClient) -> None:
    await client.create(CONFIG_MAPS, config_map())

    await client.delete(
        CONFIG_MAPS, "a", "default", propagation=Propagation.FOREGROUND, grace_seconds=0
    )

    left = await client.get(CONFIG_MAPS, "a", "default")
    assert left["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in left["metadata"]


async def test_a_subresource_is_posted_to_its_object(client: KubeClient) -> None:
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "sa", "namespace": "default"}})
    request = {"metadata": {"name": "sa", "namespace": "default"}, "spec": {"audiences": ["x"]}}

    answer = await client.create(SERVICE_ACCOUNTS, request, subresource="token")

    assert answer["status"]["token"].count(".") == 2


@pytest.mark.parametrize("name", ["a/b", "..", "a?watch=true", "%2e%2e", "ü", "a b"])
async def test_a_strange_name_is_a_name_and_nothing_else(client: KubeClient, name: str) -> None:
    with pytest.raises((errors.NotFoundError, errors.BadRequestError, errors.InvalidError)):
        await client.get(CONFIG_MAPS, name, "default")


async def test_an_invalid_object_is_refused_with_its_field(client: KubeClient) -> None:
    with pytest.raises(errors.InvalidError) as caught:
        await client.create(CONFIG_MAPS, config_map("UPPER"))

    assert caught.value.causes[0].field == "metadata.name"


async def test_kinds_of_no_namespace_have_none_in_their_path(client: KubeClient) -> None:
    manifest = {"metadata": {"name": "place"}}

    await client.create(NAMESPACES, manifest)

    assert (await client.get(NAMESPACES, "place"))["status"]["phase"] == "Active"


async def test_a_watch_tells_what_happened_after_a_revision(client: KubeClient) -> None:
    start = (await client.list(CONFIG_MAPS, "default")).resource_version
    await client.create(CONFIG_MAPS, config_map("other"))
    await client.create(CONFIG_MAPS, config_map(labels={"of": "interest"}))
    await client.patch(CONFIG_MAPS, "a", {"data": {"k": "w"}}, "default")
    await client.delete(CONFIG_MAPS, "a", "default")

    events = client.watch(
        CONFIG_MAPS,
        "default",
        resource_version=start,
        label_selector="of=interest",
        timeout_seconds=5,
    )
    seen: list[tuple[str, Any]] = []
    async for event in events:
        if event.type != "BOOKMARK":
            seen.append((event.type, event.object.get("data")))
        if event.type == "DELETED":
            break
    await events.aclose()  # type: ignore[attr-defined]  # an async generator

    assert seen == [("ADDED", {"k": "v"}), ("MODIFIED", {"k": "w"}), ("DELETED", {"k": "w"})]


async def test_a_watch_may_be_left_at_any_time(client: KubeClient) -> None:
    await client.create(CONFIG_MAPS, config_map())

    events = client.watch(CONFIG_MAPS, resource_version="0", field_selector="metadata.name=a")
    first = await anext(events)
    await events.aclose()  # type: ignore[attr-defined]  # an async generator

    assert first.object["metadata"]["name"] == "a"
    assert await client.get(CONFIG_MAPS, "a", "default")
