"""What a cluster gets to join with, and what an agent may do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local import clock, pki
from choreo_local.allinone import instance as instances
from choreo_local.allinone import remoteagent
from choreo_local.allinone.remoteagent import Joining
from choreo_local.clustergateway import trust
from choreo_local.clustergateway.trust import Presented
from choreo_local.errors import PreflightError
from choreo_local.paths import InstancePaths

PROD = Joining("data", "prod", "default", "prod.example", 8080)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    """An instance that awaits agents."""
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    paths = InstancePaths.of("lab")
    instances.ensure_folder(paths)
    record = replace(instances.new("lab"), ports={"cluster-gateway": 8443})
    instances.save(paths, record)
    return paths


def read(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def objection(folder: Path, plane: Mapping[str, Any]) -> str:
    """Why a plane does not trust the agent of a folder."""
    agent = pki.load(folder, "agent")
    assert agent is not None
    trusted = trust.authorities(plane["spec"]["clusterAgent"]["clientCA"]["value"])
    return trust.objection(Presented(agent.parsed()), trusted, now=clock.now())


def test_the_plane_trusts_the_agent_and_no_other_planes_agent(
    instance: InstancePaths, tmp_path: Path
) -> None:
    remoteagent.join("lab", tmp_path / "prod", PROD)
    remoteagent.join("lab", tmp_path / "test", replace(PROD, plane_id="test"))
    (prod,), (test,) = (read(tmp_path / name / "plane.yaml") for name in ("prod", "test"))

    assert (prod["kind"], prod["metadata"]) == (
        "DataPlane",
        {"name": "prod", "namespace": "default"},
    )
    assert prod["spec"]["gateway"]["ingress"]["external"]["http"]["port"] == 8080
    assert objection(tmp_path / "prod", prod) == ""
    assert objection(tmp_path / "test", test) == ""
    assert "no registered authority" in objection(tmp_path / "test", prod)
    assert (tmp_path / "prod" / "agent.key").stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "prod").glob("ca.*"))


def test_joining_again_keeps_the_authority(instance: InstancePaths, tmp_path: Path) -> None:
    remoteagent.join("lab", tmp_path / "one", PROD)
    remoteagent.join("lab", tmp_path / "two", PROD)
    (plane,) = read(tmp_path / "one" / "plane.yaml")
    assert objection(tmp_path / "two", plane) == ""


def test_the_steps_name_every_file(instance: InstancePaths, tmp_path: Path) -> None:
    steps = "\n".join(remoteagent.join("lab", tmp_path / "a b", PROD))
    for name in ("plane.yaml", "rights.yaml", "agent.crt", "agent.key", "gateway-ca.crt"):
        assert (tmp_path / "a b" / name).exists()
        assert f"'{tmp_path / 'a b'}'/{name}" in steps
    assert "--gateway wss://127.0.0.1:8443/ws" in steps


def test_without_an_instance_nothing_can_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    with pytest.raises(PreflightError, match="no instance"):
        remoteagent.join("lab", tmp_path / "prod", PROD)


@pytest.mark.parametrize("plane", ["data", "workflow", "observability"])
def test_rights_are_bound_to_the_account_alone(plane: str) -> None:
    found = remoteagent.rights(plane)
    kinds = [manifest["kind"] for manifest in found]
    assert kinds[:2] == ["Namespace", "ServiceAccount"]
    assert "ClusterRole" in kinds
    bindings = [each for each in found if each["kind"].endswith("Binding")]
    assert bindings
    for binding in bindings:
        assert binding["metadata"]["name"].endswith("-agent")
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "choreo", "namespace": f"openchoreo-{plane}-plane"}
        ]


def test_a_data_plane_gives_no_right_to_openchoreos_own_objects() -> None:
    groups = {
        group
        for manifest in remoteagent.rights("data")
        for rule in manifest.get("rules") or ()
        for group in rule["apiGroups"]
    }
    assert "apps" in groups
    assert not groups & {"*", "openchoreo.dev"}


def test_a_pod_serves_as_its_account(tmp_path: Path) -> None:
    authority = pki.create_authority("cluster")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    (tmp_path / "token").write_text("first\n")
    access = remoteagent.in_pod({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert access.server == "https://[fd00::1]:443"
    assert access.token is not None
    assert access.token() == "first"
    (tmp_path / "token").write_text("second")
    assert access.token() == "second"
