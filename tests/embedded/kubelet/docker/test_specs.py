"""What engines are told of containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import privileges
from choreo_local.embedded.kubelet.docker import marks, specs
from choreo_local.embedded.kubelet.runtime import Mount, PodRequest, StartError


def host(**fields: Any) -> dict[str, Any]:
    wanted = specs.Container("image", ["run"], {}, "none", **fields)
    found: dict[str, Any] = specs.body(wanted)["HostConfig"]
    return found


def test_a_container_is_told_whole() -> None:
    wanted = specs.Container(
        image="choreo.local/x:1",
        words=["sh", "-c", "true"],
        labels=marks.labels("i", "u", "main"),
        network="container:abc",
        environment={"A": "1=2"},
        working_folder="/srv",
        user="1:2",
        shares="abc",
        stdin=True,
        tty=True,
    )
    body = specs.body(wanted)
    assert body["Entrypoint"] == ["sh", "-c", "true"]
    assert body["Cmd"] == []
    assert body["Env"] == ["A=1=2"]
    assert (body["WorkingDir"], body["User"], body["Tty"]) == ("/srv", "1:2", True)
    assert (body["OpenStdin"], body["StdinOnce"]) == (True, True)
    assert body["HostConfig"]["NetworkMode"] == "container:abc"
    assert body["HostConfig"]["IpcMode"] == "container:abc"
    assert body["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert body["HostConfig"]["LogConfig"] == {"Type": "none"}


def test_what_holds_a_network_has_no_rights() -> None:
    found = host()
    assert found["IpcMode"] == "shareable"
    assert (found["CapDrop"], found["CapAdd"]) == (["ALL"], [])
    assert found["ReadonlyRootfs"]


def test_rights_are_those_of_the_security_context() -> None:
    security = {"capabilities": {"drop": ["ALL"], "add": ["CAP_CHOWN"]}}
    found = host(privileges=privileges.of_security(security))
    assert (found["CapDrop"], found["CapAdd"]) == (["ALL"], ["CHOWN"])
    assert not found["ReadonlyRootfs"]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, {}),
        ({"limits": {"memory": "1Mi"}}, {"Memory": 1 << 20, "MemorySwap": 1 << 20}),
        (
            {"limits": {"cpu": "1500m"}},
            {"CpuPeriod": 100_000, "CpuQuota": 150_000, "CpuShares": 1536},
        ),
        (
            {"limits": {"cpu": "1m"}, "requests": {"cpu": "0"}},
            {"CpuPeriod": 100_000, "CpuQuota": 1000, "CpuShares": 2},
        ),
        ({"requests": {"cpu": "250m"}}, {"CpuShares": 256}),
    ],
)
def test_limits_are_in_the_units_of_engines(
    resources: dict[str, Any], expected: dict[str, int]
) -> None:
    names = ("Memory", "MemorySwap", "CpuPeriod", "CpuQuota", "CpuShares")
    found = host(resources=resources)
    assert {name: found[name] for name in names if name in found} == expected
    assert found["PidsLimit"] == 2048


def test_mounts_may_be_read_only_and_have_colons() -> None:
    found = host(mounts=[Mount("/a:b", Path("/c:d"), read_only=True)])
    (mount,) = found["Mounts"]
    assert (mount["Source"], mount["Target"], mount["ReadOnly"]) == ("/c:d", "/a:b", True)


def test_profiles_of_system_calls() -> None:
    assert host(security={"allowPrivilegeEscalation": False})["SecurityOpt"] == [
        "no-new-privileges"
    ]
    assert host(security={"seccompProfile": {"type": "RuntimeDefault"}})["SecurityOpt"] == []
    assert host(security={"seccompProfile": {"type": "Unconfined"}})["SecurityOpt"] == [
        "seccomp=unconfined"
    ]
    with pytest.raises(StartError, match="not on this node"):
        host(security={"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}})


@pytest.mark.parametrize(
    ("security", "user", "groups"),
    [
        ({}, "", []),
        ({"runAsUser": 0}, "0", []),
        ({"runAsUser": 7, "runAsGroup": 8, "fsGroup": 9}, "7:8", [9]),
        ({"supplementalGroups": [5, 6], "fsGroup": 0}, "", [5, 6, 0]),
    ],
)
def test_users_and_groups(security: dict[str, Any], user: str, groups: list[int]) -> None:
    assert specs.user(security) == user
    assert specs.groups(security) == groups


def test_names_in_the_engine_tell_instances_and_attempts_apart(tmp_path: Path) -> None:
    pod = PodRequest("u1", "shop", "web-1", "web-1", tmp_path)
    name = marks.container_name("mine", pod, "main", 2)
    assert name.endswith("_main_web-1_shop_u1_2")
    assert name != marks.container_name("another", pod, "main", 2)
    assert marks.image_name("mine", "abc") == f"{marks.repository('mine')}:abc"
