"""Which cluster an instance gets: its own, in whatever state it finds it, and no other."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.allinone import instance as instances
from choreo_local.clusters import k3d, k3dconfig
from choreo_local.clusters.driver import ClusterSpec
from choreo_local.clusters.k3dcommand import K3d
from choreo_local.clusters.target import Target
from choreo_local.errors import PreflightError
from choreo_local.paths import InstancePaths
from tests.clusters.standin import World

pytestmark = pytest.mark.timeout(180)


def spec(folder: Path, instance_id: str = "ours", **target: str) -> ClusterSpec:
    paths = InstancePaths.of("lab", folder)
    instances.ensure_folder(paths)
    return ClusterSpec(
        instance_id=instance_id,
        name="choreo-lab",
        paths=paths,
        sockets={},
        users={},
        images=[],
        service_range=IPv4Network("127.128.0.0/16"),
        target=Target(**target),
    )


def there(world: World, name: str, owner: str, state: str) -> None:
    facts: dict[str, Any] = {
        "state": state,
        "port": 1,
        "host": "127.0.0.1",
        "labels": {k3dconfig.LABEL: owner} if owner else {},
        "token": "x",
        "image": "x",
        "pid": 2**22 - 1,
    }
    world.set_cluster(name, facts)


def changes(world: World) -> list[str]:
    """The commands that were to change something."""
    reading = ("cluster list", "version", "kubeconfig get")
    return [words for words in world.commands if not words.startswith(reading)]


def test_a_running_cluster_of_ours_is_used_as_it_is(world: World, tmp_path: Path) -> None:
    there(world, "renamed", "ours", "running")
    assert k3d.ensure(K3d(), spec(tmp_path)) == "renamed"
    assert changes(world) == []


def test_a_paused_cluster_is_for_its_owner_to_wake(world: World, tmp_path: Path) -> None:
    there(world, "choreo-lab", "ours", "paused")
    with pytest.raises(PreflightError, match="paused") as caught:
        k3d.ensure(K3d(), spec(tmp_path))
    assert caught.value.remedy == "docker unpause k3d-choreo-lab-server-0"
    assert changes(world) == []


def test_clusters_of_others_are_no_clusters_of_ours(world: World) -> None:
    there(world, "choreo-lab", "somebody", "running")
    there(world, "plain", "", "running")
    assert k3d.ours(K3d(), "ours") is None
    assert not k3d.delete(K3d(), "ours")
    assert changes(world) == []


def test_what_is_made_is_as_it_was_asked_for(world: World, tmp_path: Path) -> None:
    there(world, "choreo-lab", "somebody", "running")
    wanted = spec(tmp_path, kubernetes="v1.35.2")
    world.break_(create="pull")
    with pytest.raises(PreflightError, match="failed to pull image"):
        k3d.ensure(K3d(), wanted)
    config = yaml.safe_load((wanted.paths.root / "k3d.yaml").read_text())
    assert config["metadata"]["name"].startswith("choreo-lab-")
    assert config["image"] == "rancher/k3s:v1.35.2-k3s1"
    assert 0 < int(config["kubeAPI"]["hostPort"]) < 65536
    assert list(world.clusters) == ["choreo-lab"]


def test_nodes_are_told_where_the_registry_is(world: World, tmp_path: Path) -> None:
    world.break_(create="pull")
    with socket.create_server(("127.0.0.1", 0)) as held:
        wanted = replace(spec(tmp_path), sockets={"registry": held})
        with pytest.raises(PreflightError, match="failed to pull image"):
            k3d.ensure(K3d(), wanted)
        port = held.getsockname()[1]
    config = yaml.safe_load((wanted.paths.root / "k3d.yaml").read_text())
    assert f"http://host.k3d.internal:{port}" in config["registries"]["config"]


def test_the_network_of_a_cluster_is_found(world: World) -> None:
    world.set_networks({"1": "k3d-choreo-lab"})
    assert K3d().network("choreo-lab") == ("127.0.0.2", "127.0.0.2/8")
    assert K3d().network("other") == ("", "")


def test_a_port_that_the_engine_cannot_have_is_not_the_end(world: World, tmp_path: Path) -> None:
    world.break_(create="port")
    with pytest.raises(PreflightError, match="address already in use"):
        k3d.ensure(K3d(), spec(tmp_path))
    assert [words.split()[:2] for words in changes(world)] == [["cluster", "create"]] * 2


def test_a_cluster_of_ours_is_deleted_under_whatever_name(world: World) -> None:
    there(world, "renamed", "ours", "exited")
    there(world, "other", "somebody", "running")
    assert k3d.delete(K3d(), "ours")
    assert list(world.clusters) == ["other"]
