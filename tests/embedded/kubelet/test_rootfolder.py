"""The folder that stands for the root of a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import rootfolder
from choreo_local.embedded.kubelet.runtime import (
    ContainerRequest,
    Image,
    Mount,
    PodRequest,
    StartError,
)
from tests.embedded.kubelet.processes import Output


def prepare(folder: Path, *mounts: Mount) -> Path:
    pod = PodRequest("u1", "shop", "p", "p", folder, host_aliases={"db": "10.0.0.1"})
    request = ContainerRequest(
        pod=pod,
        name="main",
        attempt=0,
        image=Image("i", "i"),
        command=(),
        arguments=(),
        environment={},
        working_folder="",
        mounts=mounts,
        resources={},
        security={},
        output=Output(),
    )
    root = folder / "root"
    rootfolder.prepare(
        request, root, address="127.40.0.16", working_folder="/app", resolver="search x\n"
    )
    return root


def test_system_files_and_the_working_folder_are_there(tmp_path: Path) -> None:
    root = prepare(tmp_path)
    assert (root / "etc/hosts").read_text(encoding="utf-8") == (
        "127.40.0.16\tp\n127.40.0.16\tlocalhost\n10.0.0.1\tdb\n"
    )
    assert (root / "etc/hostname").read_text(encoding="utf-8") == "p\n"
    assert (root / "etc/resolv.conf").read_text(encoding="utf-8") == "search x\n"
    assert (root / "app").is_dir()


def test_a_root_is_fresh_each_time_but_volumes_are_kept(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    root = prepare(tmp_path, Mount("/data", volume))
    (root / "data" / "kept").write_text("x", encoding="utf-8")
    (root / "app" / "gone").write_text("x", encoding="utf-8")
    root = prepare(tmp_path, Mount("/data", volume))
    assert (volume / "kept").exists()
    assert list((root / "app").iterdir()) == []


@pytest.mark.parametrize("path", ["/tmp", "/etc", "/etc/hosts", "/app"])
def test_a_mount_replaces_what_the_root_had(tmp_path: Path, path: str) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    root = prepare(tmp_path, Mount(path, volume))
    assert (root / path.lstrip("/")).resolve() == volume


def test_a_mount_inside_another_volume(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    outer.mkdir()
    inner.mkdir()
    (outer / "config").mkdir()
    mounts = [Mount("/data/config", inner), Mount("/data", outer)]
    for _ in range(2):
        root = prepare(tmp_path, *mounts)
        assert (root / "data/config").resolve() == inner


def test_a_mount_never_removes_files_of_another_volume(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    inner.mkdir()
    (outer / "config").mkdir(parents=True)
    (outer / "config" / "precious").write_text("x", encoding="utf-8")
    with pytest.raises(StartError, match="cannot mount inner at config"):
        prepare(tmp_path, Mount("/data/config", inner), Mount("/data", outer))
    assert (outer / "config" / "precious").exists()


def test_nothing_can_be_mounted_at_the_root(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot mount at /"):
        prepare(tmp_path, Mount("/", tmp_path))


@pytest.mark.parametrize("path", ["/../../etc", "../x", "/a/../../x"])
def test_no_path_leads_out_of_the_root(path: str) -> None:
    root = Path("/pods/u1/root")
    assert rootfolder.inside(root, path).is_relative_to(root)
    assert ".." not in rootfolder.inside(root, path).parts
