"""The verbs end to end, without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import AlreadyExistsError, ConflictError, NotFoundError
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

CONFIG_MAP = ResourceKind("", "v1", "ConfigMap", "configmaps")


@pytest.fixture
async def api() -> Api:
    return await Api.start()


async def test_an_object_is_created_read_changed_and_deleted(api: Api) -> None:
    created = await api.must("POST", CONFIG_MAPS, config_map())
    assert created["kind"] == "ConfigMap"
    assert created["metadata"]["namespace"] == "default"
    assert created["metadata"]["uid"]

    created["data"]["k"] = "2"
    changed = await api.must("PUT", f"{CONFIG_MAPS}/a", created)
    assert changed["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]
    assert (await api.must("GET", f"{CONFIG_MAPS}/a"))["data"] == {"k": "2"}

    deleted = await api.must("DELETE", f"{CONFIG_MAPS}/a")
    assert (deleted["kind"], deleted["status"]) == ("Status", "Success")
    assert (await api.call("GET", f"{CONFIG_MAPS}/a"))[0] == 404


async def test_an_update_of_a_stale_revision_is_refused(api: Api) -> None:
    created = await api.must("POST", CONFIG_MAPS, config_map())
    await api.must("PUT", f"{CONFIG_MAPS}/a", {**created, "data": {"k": "2"}})

    status, body = await api.call("PUT", f"{CONFIG_MAPS}/a", {**created, "data": {"k": "3"}})

    assert (status, body["reason"]) == (409, "Conflict")


async def test_an_update_that_changes_nothing_keeps_the_revision(api: Api) -> None:
    created = await api.must("POST", CONFIG_MAPS, config_map())

    again = await api.must("PUT", f"{CONFIG_MAPS}/a", created)

    assert again == created


async def test_names_are_generated_from_a_prefix(api: Api) -> None:
    body: dict[str, Any] = {"metadata": {"generateName": "run-"}}

    names = {(await api.must("POST", CONFIG_MAPS, body))["metadata"]["name"] for _ in range(5)}

    assert len(names) == 5
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


async def test_dry_runs_store_nothing(api: Api) -> None:
    status, body = await api.call("POST", f"{CONFIG_MAPS}?dryRun=All", config_map())

    assert status == 201
    assert "resourceVersion" not in body["metadata"]
    assert (await api.must("GET", CONFIG_MAPS))["items"] == []


async def test_a_finalizer_holds_an_object_until_it_is_removed(api: Api) -> None:
    await api.must("POST", CONFIG_MAPS, config_map(finalizers=["example.com/hold"]))

    held = await api.must("DELETE", f"{CONFIG_MAPS}/a")
    assert held["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    await api.must("PATCH", f"{CONFIG_MAPS}/a", patch, content_type="application/merge-patch+json")

    assert (await api.call("GET", f"{CONFIG_MAPS}/a"))[0] == 404


async def test_lists_are_paged_consistently(api: Api) -> None:
    for name in "abcde":
        await api.must("POST", CONFIG_MAPS, config_map(name))

    first = await api.must("GET", f"{CONFIG_MAPS}?limit=2")
    await api.must("DELETE", f"{CONFIG_MAPS}/d")
    await api.must("POST", CONFIG_MAPS, config_map("cc"))
    token = first["metadata"]["continue"]
    rest = await api.must("GET", f"{CONFIG_MAPS}?limit=9&continue={token}")

    assert first["metadata"]["remainingItemCount"] == 3
    names = [item["metadata"]["name"] for item in first["items"] + rest["items"]]
    assert names == list("abcde")


async def test_unknown_paths_are_told_apart(api: Api) -> None:
    assert await api.call("GET", "/nope") == (404, "404 page not found\n")
    assert await api.call("GET", "/apis/nope.example.com/v1/x") == (404, "404 page not found\n")
    status, body = await api.call("GET", "/api/v1/nopes")
    assert (status, body["details"]) == (404, {})
    assert (await api.call("PATCH", CONFIG_MAPS))[0] == 405


async def test_a_failure_inside_leaks_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(api.kube.core.store, "get", broken)

    status, body = await api.call("GET", f"{CONFIG_MAPS}/a")

    assert (status, body["reason"]) == (500, "InternalError")
    assert "secret" not in str(body)
    assert "the secret inside" in caplog.text


async def test_the_kube_client_works_over_function_calls(api: Api) -> None:
    client = api.client()
    manifest = {"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "v"}}
    await client.create(CONFIG_MAP, manifest)
    with pytest.raises(AlreadyExistsError):
        await client.create(CONFIG_MAP, manifest)
    found = await client.get(CONFIG_MAP, "a", "default")
    await client.patch(CONFIG_MAP, "a", {"data": {"k": "2"}}, "default")
    with pytest.raises(ConflictError):
        await client.update(CONFIG_MAP, {**found, "data": {}})
    await client.delete(CONFIG_MAP, "a", "default")
    with pytest.raises(NotFoundError):
        await client.get(CONFIG_MAP, "a", "default")


async def test_kubectl_gets_openapi_v2_as_protobuf() -> None:
    api = await Api.start()
    form = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

    answer = await api.send("GET", "/openapi/v2", accept=f"{form},application/json")

    assert answer.body.startswith(b"\x0a\x032.0")
    assert answer.content_type == form.replace("@", ".")
