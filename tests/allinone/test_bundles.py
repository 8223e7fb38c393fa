"""Bundles: what they hold, when they count as changed, and what they promise."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.allinone import bundles
from choreo_local.allinone.bundles import Bundle
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import InvalidError, PreflightError, WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient

NAMES = ("access", "core", "dataplane", "platform", "demo")
VALUES = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://127.0.0.1:8080"}
CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
NODES = ResourceKind("", "v1", "Node", "nodes", namespaced=False)
MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "default"},
    "data": {"port": "@GATEWAY_PORT@"},
}


def node(name: str) -> dict[str, Any]:
    """A node that nobody has said anything of yet."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def promising(folder: Path = Path(), **named: str) -> Bundle:
    """A bundle whose nodes become ready."""
    promise = {"apiVersion": "v1", "kind": "Node", "condition": "Ready", **named}
    return Bundle(folder, "made", "1", 1, ("a.yaml",), (promise,))


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    """A client of an empty cluster."""
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()
    found = KubeClient(LocalTransport(api))
    yield found
    await found.close()
    await api.stop()


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_of_ours_is_whole(name: str) -> None:
    bundle = bundles.load(name)
    manifests = bundle.manifests(VALUES)
    assert bundle.name == name
    assert manifests
    for manifest in manifests:
        assert manifest["apiVersion"]
        assert manifest["kind"]
        assert manifest["metadata"]["name"]
    assert not re.search(r"@[A-Z_]+@", str(manifests))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_bundle_promises_is_in_it_or_named(name: str) -> None:
    bundle = bundles.load(name)
    kinds = {manifest["kind"] for manifest in bundle.manifests(VALUES)}
    for promise in bundle.wait:
        assert promise["condition"]
        assert "name" in promise or promise["kind"] in kinds


def test_tokens_without_a_value_stay() -> None:
    text = "port: @PORT@, other: @OTHER@, mail: a@B@c"
    assert bundles.replace_tokens(text, {"PORT": "80"}) == "port: 80, other: @OTHER@, mail: a@B@c"


def test_a_value_is_not_searched_for_tokens() -> None:
    assert bundles.replace_tokens("@A@", {"A": "@B@", "B": "x"}) == "@B@"


def test_empty_documents_are_left_out() -> None:
    assert bundles.parse("---\n---\na: 1\n---\n# only words\n") == [{"a": 1}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of one file, and one whose folder holds two."""
    (tmp_path / "a.yaml").write_text("kind: A\nport: @GATEWAY_PORT@\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "c.yaml").write_text("kind: C\n")
    (tmp_path / "more" / "b.yaml").write_text("kind: B\n")
    (tmp_path / "more" / "notes.txt").write_text("kind: [")
    return tmp_path


def test_files_of_a_folder_come_by_name(folder: Path) -> None:
    bundle = Bundle(folder, "made", "1", 1, ("more", "a.yaml"), ())
    assert [manifest["kind"] for manifest in bundle.manifests(VALUES)] == ["B", "C", "A"]


def test_a_fingerprint_changes_with_content_version_and_used_values(folder: Path) -> None:
    bundle = promising(folder)
    first = bundle.fingerprint(VALUES)
    assert bundle.fingerprint(VALUES) == first
    assert bundle.fingerprint({**VALUES, "OBSERVER_URL": "elsewhere"}) == first
    assert bundle.fingerprint({**VALUES, "GATEWAY_PORT": "1"}) != first

    (folder / "a.yaml").write_text("kind: A\nport: @GATEWAY_PORT@ # changed\n")
    assert bundle.fingerprint(VALUES) != first
    newer = Bundle(folder, "made", "2", 1, ("a.yaml",), ())
    assert newer.fingerprint(VALUES).startswith("2 ")


def test_an_installation_without_bundles_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "_PACKAGE", tmp_path / "choreo_local")
    with pytest.raises(PreflightError, match="incomplete") as failed:
        bundles.root()
    assert failed.value.remedy == "Install choreo again"


def test_a_wheel_carries_the_bundles_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "choreo_local"
    (package / "_bundles").mkdir(parents=True)
    (tmp_path / "bundles").mkdir()
    monkeypatch.setattr(bundles, "_PACKAGE", package)
    assert bundles.root() == package / "_bundles"


async def test_manifests_are_applied_twice_without_change(client: KubeClient) -> None:
    await bundles.apply(client, [MAP])
    before = await client.get(CONFIG_MAPS, "settings", "default")
    await bundles.apply(client, [MAP])
    assert await client.get(CONFIG_MAPS, "settings", "default") == before


async def test_a_refused_manifest_is_named(client: KubeClient) -> None:
    wrong = {**MAP, "metadata": {"name": "No Name", "namespace": "default"}}
    with pytest.raises(InvalidError) as refused:
        await bundles.apply(client, [wrong])
    assert refused.value.__notes__ == ["while applying ConfigMap No Name of a bundle"]


async def test_a_promise_that_holds_is_not_waited_for(client: KubeClient) -> None:
    manifests = [node("one"), node("two")]
    await bundles.apply(client, manifests)
    for manifest in manifests:
        await become_ready(client, manifest["metadata"]["name"])
    await bundles.wait_for(client, promising(), manifests, timeout_seconds=10)


async def test_a_promise_that_nothing_was_made_for_holds(client: KubeClient) -> None:
    await bundles.wait_for(client, promising(), [MAP], timeout_seconds=10)


async def test_a_promise_that_is_not_kept_is_named_with_where_to_look(client: KubeClient) -> None:
    manifests = [node("one"), node("two")]
    await bundles.apply(client, manifests)
    await become_ready(client, "two")
    with pytest.raises(WaitTimeoutError, match="Node one did not become Ready") as failed:
        await bundles.wait_for(client, promising(), manifests, timeout_seconds=0.2)
    assert failed.value.remedy == "See why: kubectl describe nodes one"
    assert failed.value.exit_code == 4


async def test_a_named_promise_waits_for_that_object_alone(client: KubeClient) -> None:
    manifests = [node("one"), node("two")]
    await bundles.apply(client, manifests)
    await become_ready(client, "two")
    await bundles.wait_for(client, promising(name="two"), manifests, timeout_seconds=10)


async def become_ready(client: KubeClient, name: str) -> None:
    """Say of a node that it is ready."""
    found = await client.get(NODES, name)
    found["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    await client.request_json("PUT", NODES.path(None, name) + "/status", body=found)
