"""The group of a volume's files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import ownership, trees, volumes
from choreo_local.embedded.kubelet.projections import File, Sources
from choreo_local.embedded.kubelet.runtime import Mount
from choreo_local.embedded.kubelet.volumes import Volumes
from tests.embedded.kubelet.builders import container, pod
from tests.embedded.kubelet.test_containerusers import ranged

GROUP = 2000


def _modes(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        each.relative_to(folder).as_posix(): (each.lstat().st_gid, oct(each.lstat().st_mode)[-4:])
        for each in (folder, *folder.rglob("*"))
    }


@pytest.fixture
def as_root() -> None:
    if not ownership._can_give():
        pytest.skip("only root of the machine gives files to groups")


def _in(group: int | None, **security: Any) -> Any:
    wanted = {**security} if group is None else {"fsGroup": group, **security}
    return pod(containers=[container()], securityContext=wanted)


@pytest.mark.usefixtures("as_root")
def test_a_volume_belongs_to_its_group_with_all_that_is_in_it(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    (volume / "deep").mkdir(parents=True)
    (volume / "deep" / "file").touch(mode=0o600)
    (volume / "run").touch(mode=0o700)
    ownership.give(volume, GROUP, lazy=False)
    assert _modes(volume) == {
        ".": (GROUP, "2775"),
        "deep": (GROUP, "2775"),
        "deep/file": (GROUP, "0660"),
        "run": (GROUP, "0760"),
    }


@pytest.mark.usefixtures("as_root")
def test_what_links_lead_to_stays_as_it_is(tmp_path: Path) -> None:
    volume, outside = tmp_path / "v", tmp_path / "outside"
    volume.mkdir()
    outside.mkdir()
    (outside / "file").touch(mode=0o600)
    (volume / "folder").symlink_to(outside)
    (volume / "file").symlink_to(outside / "file")
    before = _modes(outside)
    ownership.give(volume, GROUP, lazy=False)
    assert _modes(outside) == before
    assert (volume / "file").lstat().st_gid == GROUP


@pytest.mark.usefixtures("as_root")
def test_a_pipe_does_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ownership.give(tmp_path, GROUP, lazy=False)
    found = (tmp_path / "pipe").lstat()
    assert (found.st_gid, stat.S_ISFIFO(found.st_mode)) == (GROUP, True)


@pytest.mark.usefixtures("as_root")
def test_folders_may_be_as_deep_as_somebody_likes(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    volume.mkdir()
    folder = os.open(volume, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    ownership.give(volume, GROUP, lazy=False)
    assert volume.stat().st_gid == GROUP
    # Whoever clears away what tests leave would recurse.
    trees.remove_wholly(volume)


@pytest.mark.usefixtures("as_root")
def test_a_volume_that_has_its_group_may_be_left_as_it_is(tmp_path: Path) -> None:
    ownership.give(tmp_path, GROUP, lazy=False)
    (tmp_path / "later").touch()
    os.chown(tmp_path / "later", 0, 0)
    ownership.give(tmp_path, GROUP, lazy=True)
    assert (tmp_path / "later").stat().st_gid == 0
    ownership.give(tmp_path, GROUP, lazy=False)
    assert (tmp_path / "later").stat().st_gid == GROUP


@pytest.mark.usefixtures("as_root")
def test_pods_say_which_group_and_how() -> None:
    assert ownership.group_of(_in(GROUP)) == GROUP
    assert ownership.group_of(_in(None)) is None
    assert not ownership.is_lazy(_in(GROUP))
    assert ownership.is_lazy(_in(GROUP, fsGroupChangePolicy="OnRootMismatch"))


@pytest.mark.usefixtures("as_root")
def test_files_that_are_made_are_readable_to_the_group_from_the_start(tmp_path: Path) -> None:
    volumes.replace_files(tmp_path, {"key": File(b"1", 0o400)}, group=GROUP)
    found = (tmp_path / "key").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (GROUP, 0o440)


@pytest.mark.usefixtures("as_root")
async def test_a_user_writes_to_the_volumes_of_its_group(tmp_path: Path) -> None:
    claims = Volumes(tmp_path / "claims")
    asked = _in(GROUP)
    asked["spec"]["volumes"] = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "secret", "secret": {"secretName": "s", "defaultMode": 0o400}},
    ]
    sources = Sources(secrets={"s": {"data": {"key": "dmFsdWUK"}}})
    async with ranged(tmp_path) as bench:
        places = claims.prepare(asked, tmp_path / "pod", sources, {})
        claims.give_to_group(asked, places)
        mounts = [
            Mount("/data", places["scratch"]),
            Mount("/secret", places["secret"], read_only=True),
        ]
        script = "cat /secret/key; touch /data/x; stat -c '%u %g' /data/x"
        security = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": GROUP}
        found = await bench.shell(script, mounts=mounts, security=security)
        assert found == ["value", f"1000 {GROUP}"]
