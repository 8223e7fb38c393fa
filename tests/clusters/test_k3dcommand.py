"""k3d says that all went well when it did not; we look."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from choreo_local.clusters import k3dcommand, k3dconfig
from choreo_local.clusters.k3dcommand import K3d
from choreo_local.errors import ChoreoError, PreflightError, RefusedError, WaitTimeoutError
from tests.clusters.standin import World

pytestmark = pytest.mark.timeout(180)


def config(folder: Path, name: str, owner: str = "1") -> Path:
    """A configuration of a cluster in a file."""
    content = k3dconfig.config(name, instance_id=owner, port=0, nodes="image")
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def there(world: World, name: str, *, state: str = "running", owner: str = "1") -> None:
    """A cluster without a process behind it."""
    facts = {
        "state": state,
        "port": 1,
        "host": "127.0.0.1",
        "labels": {k3dconfig.LABEL: owner},
        "token": "secret-token",
        "image": "image",
        "pid": 2**22 - 1,
    }
    world.set_cluster(name, facts)


def test_no_cluster_is_an_empty_list_although_k3d_says_null(world: World) -> None:
    assert K3d().list() == []
    assert k3dcommand.parsed("null\n") == []
    assert k3dcommand.parsed("[]") == []


def test_clusters_are_known_by_their_labels(world: World) -> None:
    there(world, "one", owner="1")
    there(world, "two", owner="2", state="exited")
    found = K3d().find(k3dconfig.LABEL, "2")
    assert found is not None
    assert (found.name, found.is_running, found.is_paused) == ("two", False, False)
    assert K3d().find(k3dconfig.LABEL, "3") is None


def test_a_paused_node_does_not_count_as_running(world: World) -> None:
    there(world, "one", state="paused")
    (found,) = K3d().list()
    assert found.is_paused
    assert not found.is_running


def test_what_cannot_be_understood_is_told_without_its_secrets() -> None:
    with pytest.raises(ChoreoError) as caught:
        k3dcommand.parsed('[{"nodes": [{"env": ["K3S_TOKEN=secret-token"]}]}]')
    assert "secret-token" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("engine", "said", "remedy"),
    [("down", "Cannot connect to the Docker daemon", "Docker"), ("denied", "permission", "group")],
)
def test_without_an_engine_nothing_is_taken_for_gone(
    world: World, engine: str, said: str, remedy: str
) -> None:
    there(world, "one")
    world.break_(engine=engine)
    for attempt in (
        lambda: K3d().list(),
        lambda: K3d().delete("one"),  # exits with 0
        lambda: K3d().kubeconfig("one"),  # says that there is no such cluster
    ):
        with pytest.raises(PreflightError) as caught:
            attempt()
        assert said in caught.value.message
        assert remedy in caught.value.remedy
        assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("port", PreflightError, "address already in use"),
        ("pull", PreflightError, "failed to pull image"),
        ("timeout", WaitTimeoutError, "context deadline exceeded"),
        ("race", ChoreoError, "ambiguous"),
    ],
)
def test_a_creation_that_fails_says_why_and_leaves_nothing(
    world: World, tmp_path: Path, fault: str, error: type[ChoreoError], said: str
) -> None:
    world.break_(create=fault)
    with pytest.raises(error) as caught:
        K3d().create("lab", config(tmp_path, "lab"))
    assert said in caught.value.message
    assert caught.value.remedy
    assert world.networks == {}
    assert K3d().list() == []


def test_a_cluster_of_somebody_else_is_not_touched(world: World, tmp_path: Path) -> None:
    there(world, "lab", owner="somebody")
    world.set_networks({"a": "k3d-lab"})
    with pytest.raises(RefusedError, match="not ours"):
        K3d().create("lab", config(tmp_path, "lab"))
    assert world.networks == {"a": "k3d-lab"}
    assert [one.name for one in K3d().list()] == ["lab"]


def test_a_deletion_that_did_nothing_is_noticed(world: World) -> None:
    there(world, "lab")
    world.break_(delete="refused")
    with pytest.raises(ChoreoError, match='cannot delete the k3d cluster "lab"'):
        K3d().delete("lab")


def test_orphaned_networks_go_with_the_cluster_one_by_one(world: World) -> None:
    there(world, "lab")
    world.set_networks({"a": "k3d-lab", "b": "k3d-lab", "c": "k3d-other"})
    world.break_(delete="orphan")
    K3d().delete("lab")
    assert world.networks == {"c": "k3d-other"}


@pytest.mark.parametrize("images", [["good", "missing"], ["missing"]])
def test_an_image_that_was_not_found_was_not_imported(world: World, images: list[str]) -> None:
    there(world, "lab")
    with pytest.raises(ChoreoError, match="cannot import"):
        K3d().import_images("lab", images)


def test_an_import_that_failed_in_the_node_failed(world: World) -> None:
    there(world, "lab")
    K3d().import_images("lab", ["good"])
    world.break_(**{"import": "fails"})
    with pytest.raises(ChoreoError, match="failed to import images in node"):
        K3d().import_images("lab", ["good"])


def test_an_import_into_a_stopped_cluster_failed(world: World) -> None:
    there(world, "lab", state="exited")
    with pytest.raises(ChoreoError, match="failed to import"):
        K3d().import_images("lab", ["good"])


def test_a_machine_with_both_lacks_nothing(world: World) -> None:
    assert k3dcommand.lacking() == ""


def test_a_machine_without_an_engine_says_so(world: World) -> None:
    world.break_(engine="down")
    assert "no container engine answers" in k3dcommand.lacking()


def test_another_program_of_that_name_is_not_taken_for_k3d(world: World, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "k3d"
    program.write_text("#!/bin/sh\necho a library for plots\n")
    assert "not the k3d that runs clusters" in k3dcommand.lacking()
    program.write_text("#!/bin/sh\necho k3d version v4.4.8\n")
    assert "too old" in k3dcommand.lacking()


def test_a_machine_without_k3d_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("k3d") is None
    assert k3dcommand.lacking() == "k3d is not installed"
    with pytest.raises(PreflightError, match="not installed"):
        K3d().list()
