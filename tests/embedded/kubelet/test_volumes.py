"""Volumes on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import volumes
from choreo_local.embedded.kubelet.projections import File, Sources, VolumeError
from choreo_local.embedded.kubelet.runtime import StartError
from choreo_local.embedded.kubelet.volumes import Volumes
from tests.embedded.kubelet.builders import container, pod


def prepare(folder: Path, *specs: dict[str, Any], **sources: Any) -> dict[str, Path]:
    keeper = Volumes(folder / "claims")
    manifest = pod(volumes=list(specs))
    return keeper.prepare(manifest, folder / "pod", Sources(**sources), {"data": "uid-1"})


def read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and ".." not in path.relative_to(folder).parts[0][:2]
    }


def test_files_are_replaced_all_at_once(tmp_path: Path) -> None:
    place = tmp_path / "v"
    volumes.replace_files(place, {"a": File(b"1"), "deep/b": File(b"2")})
    before = os.readlink(place / "..data")
    opened = (place / "a").open(encoding="utf-8")
    changed = volumes.replace_files(place, {"a": File(b"3"), "c": File(b"4")})
    with opened:
        assert opened.read() == "1"
    assert changed
    assert os.readlink(place / "..data") != before
    assert read(place) == {"a": "3", "c": "4"}
    assert sorted(path.name for path in place.iterdir())[2:] == ["a", "c"]


def test_the_same_files_are_not_written_again(tmp_path: Path) -> None:
    wanted = {"a": File(b"1"), "deep/b": File(b"2")}
    assert volumes.replace_files(tmp_path / "v", wanted)
    before = os.readlink(tmp_path / "v" / "..data")
    assert not volumes.replace_files(tmp_path / "v", wanted)
    assert os.readlink(tmp_path / "v" / "..data") == before


def test_modes_are_set(tmp_path: Path) -> None:
    volumes.replace_files(tmp_path / "v", {"a": File(b"1", 0o400)})
    assert (tmp_path / "v" / "a").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out", "."])
def test_a_path_that_leaves_the_volume_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(VolumeError, match="must be relative and stay in the volume"):
        volumes.replace_files(tmp_path / "v", {path: File(b"")})


def test_an_empty_dir_keeps_its_files(tmp_path: Path) -> None:
    place = prepare(tmp_path, {"name": "scratch", "emptyDir": {}})["scratch"]
    (place / "x").write_text("kept", encoding="utf-8")
    assert prepare(tmp_path, {"name": "scratch", "emptyDir": {}})["scratch"] == place
    assert read(place) == {"x": "kept"}
    assert place.stat().st_mode & 0o777 == 0o777


def test_a_claim_has_a_folder_of_its_own_that_ends_with_it(tmp_path: Path) -> None:
    spec = {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    place = prepare(tmp_path, spec)["d"]
    assert place == tmp_path / "claims" / "uid-1"
    Volumes(tmp_path / "claims").forget_claim("uid-1")
    assert not place.exists()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"hostPath": {"path": "/"}}, "hostPath volumes are refused"),
        ({"nfs": {"server": "s", "path": "/"}}, "does not provide volumes of type nfs"),
        (
            {"persistentVolumeClaim": {"claimName": "no"}},
            'persistentvolumeclaim "no" not found',
        ),
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
    ],
)
def test_what_cannot_be_mounted_says_why(
    tmp_path: Path, spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(VolumeError, match=message) as caught:
        prepare(tmp_path, {"name": "v", **spec})
    assert caught.value.message.startswith('MountVolume.SetUp failed for volume "v" : ')


def mounts(tmp_path: Path, places: dict[str, Path], *entries: dict[str, Any]) -> list[Any]:
    manifest = container(volumeMounts=list(entries))
    made = {name for name, place in places.items() if (place / "..data").is_symlink()}
    return list(
        volumes.mounts(
            manifest, places, tmp_path / "c", variables={"NAME": "seven"}, projected=made
        )
    )


def test_mounts_lead_to_volumes(tmp_path: Path) -> None:
    found = mounts(tmp_path, {"v": tmp_path}, {"name": "v", "mountPath": "/data", "readOnly": True})
    assert [(each.container_path, each.host_path, each.read_only) for each in found] == [
        ("/data", tmp_path, True)
    ]


def test_a_sub_path_of_an_empty_dir_is_made(tmp_path: Path) -> None:
    place = prepare(tmp_path, {"name": "v", "emptyDir": {}})["v"]
    entries = [
        {"name": "v", "mountPath": "/a", "subPath": "one"},
        {"name": "v", "mountPath": "/b", "subPathExpr": "logs/$(NAME)"},
    ]
    found = mounts(tmp_path, {"v": place}, *entries)
    assert [each.host_path for each in found] == [place / "one", place / "logs/seven"]
    assert all(each.host_path.is_dir() for each in found)


def test_a_sub_path_of_made_files_does_not_follow_updates(tmp_path: Path) -> None:
    place = tmp_path / "v"
    volumes.replace_files(place, {"a": File(b"1")})
    found = mounts(tmp_path, {"v": place}, {"name": "v", "mountPath": "/a", "subPath": "a"})
    volumes.replace_files(place, {"a": File(b"2")})
    assert found[0].host_path.read_text(encoding="utf-8") == "1"


def test_made_files_are_never_written_to(tmp_path: Path) -> None:
    place = tmp_path / "v"
    volumes.replace_files(place, {"a": File(b"1")})
    entries: list[dict[str, Any]] = [
        {"name": "v", "mountPath": "/all"},
        {"name": "v", "mountPath": "/a", "subPath": "a", "readOnly": False},
    ]
    assert [each.read_only for each in mounts(tmp_path, {"v": place}, *entries)] == [True, True]


def test_links_of_containers_do_not_make_a_volume_ours(tmp_path: Path) -> None:
    place, secret = tmp_path / "v", tmp_path / "secret"
    place.mkdir()
    secret.mkdir()
    (secret / "key").write_text("value", encoding="utf-8")
    (place / "..data").symlink_to(secret)
    (place / "key").symlink_to(secret / "key")
    manifest = {"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "key"}]}
    with pytest.raises(StartError, match="it leads out of the volume"):
        volumes.mounts(manifest, {"v": place}, tmp_path / "c", variables={}, projected=frozenset())
    assert not (tmp_path / "c").exists()


def test_a_sub_path_must_stay_in_its_volume(tmp_path: Path) -> None:
    place = prepare(tmp_path, {"name": "v", "emptyDir": {}})["v"]
    (place / "out").symlink_to("/etc")
    for below in ("../../x", "out/hosts"):
        with pytest.raises(StartError):
            mounts(tmp_path, {"v": place}, {"name": "v", "mountPath": "/a", "subPath": below})


def test_a_missing_sub_path_of_made_files_is_an_error(tmp_path: Path) -> None:
    volumes.replace_files(tmp_path / "v", {"a": File(b"1")})
    with pytest.raises(StartError, match="no such file in the volume"):
        mounts(tmp_path, {"v": tmp_path / "v"}, {"name": "v", "mountPath": "/a", "subPath": "b"})
