"""Where control groups may be made: at the roots, and where somebody has given a group away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local import clock
from choreo_local.embedded.kubelet import controlgroups, hierarchies
from choreo_local.embedded.kubelet.hierarchies import CONTROLLERS, Hierarchies
from tests import unprivileged

_DEADLINE_SECONDS = 60
_LIMITED = """
import json, subprocess, sys
from choreo_local.embedded import usernamespace
from choreo_local.embedded.kubelet import controlgroups
usernamespace.enter()
found = controlgroups.find("test")
if isinstance(found, str):
    sys.exit(found)
groups = controlgroups.ControlGroups(found, "test")
group = groups.create("one", {"limits": {"memory": "16Mi", "cpu": "500m"}})
wasting = [sys.executable, "-I", "-S", "-c", "kept = bytearray(64 << 20); print(len(kept))"]
done = subprocess.run([*group.enter, *wasting], capture_output=True, text=True)
told = {"given": found.is_given, "code": done.returncode, "lacked": group.lacked_memory()}
told["removed"] = group.remove()
controlgroups.remove_all("test")
told["left"] = [str(each) for each in found.distinct for each in each.glob("choreo-*")]
print(json.dumps(told))
"""


@pytest.fixture
def given() -> Iterator[list[Path]]:
    """A group in each hierarchy that belongs to the user without rights."""
    found = hierarchies.parse(Path("/proc/self/mounts").read_text(encoding="utf-8"))
    own = hierarchies.own_paths(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    if lacking := unprivileged.lacking():
        pytest.skip(lacking)
    name = f"choreo-test-{clock.new_uid()[:8]}"
    places = [
        folder / own.get(controller, "") / name
        for folder, is_unified, options in found
        for controller in CONTROLLERS
        if controller in options and not is_unified
    ]
    if len(places) < len(CONTROLLERS):
        pytest.skip("no hierarchies of version 1 on this machine")
    try:
        for place in places:
            place.mkdir()
            for path in (place, place / "cgroup.procs"):
                os.chown(path, unprivileged.UID, unprivileged.UID)
        yield places
    finally:
        for place in places:
            _remove(place)


def _remove(place: Path) -> None:
    until = time.monotonic() + _DEADLINE_SECONDS
    while place.exists():
        try:
            place.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def test_a_group_that_was_given_away_limits_without_rights(given: list[Path]) -> None:
    enter = " && ".join(f"echo $$ > {place}/cgroup.procs" for place in given)
    command = unprivileged.command(sys.executable, "-P", "-c", _LIMITED)
    done = subprocess.run(
        ["sh", "-c", f'{enter} && exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    assert '"given": true, "code": -9, "lacked": true' in done.stdout
    assert '"removed": true, "left": []' in done.stdout


# Version 2, whose controllers this machine may not have: files that look like its.


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process in a group below a root that belongs to somebody else."""
    root, own = tmp_path / "root", tmp_path / "root" / "user" / "scope"
    own.mkdir(parents=True)
    for folder in (root, own):
        (folder / "cgroup.controllers").write_text("cpuset cpu io memory pids\n", encoding="ascii")
        (folder / "cgroup.subtree_control").touch()
    (own / "cgroup.procs").write_text("41\n42\n", encoding="ascii")
    mounts, paths = tmp_path / "mounts", tmp_path / "paths"
    mounts.write_text(f"cgroup2 {root} cgroup2 rw 0 0\n", encoding="ascii")
    paths.write_text("0::/user/scope\n", encoding="ascii")
    monkeypatch.setattr(hierarchies, "_MOUNTS", mounts)
    monkeypatch.setattr(hierarchies, "_OWN", paths)
    made = Path.mkdir

    def mkdir(path: Path, mode: int = 0o777, **options: bool) -> None:
        if path.parent == root:
            raise PermissionError(13, "Permission denied")
        made(path, mode, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    return own


def test_processes_make_room_in_a_group_that_was_given_away(
    unified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = {(unified, "user.delegate"): b"1"}
    monkeypatch.setattr("os.getxattr", lambda path, name: marks[path, name])
    found = controlgroups.find("i")
    assert found == Hierarchies(dict.fromkeys(CONTROLLERS, unified), is_unified=True, is_given=True)
    group = unified / controlgroups.group_name("i")
    # The kernel takes one process at a time; the file here keeps the last.
    assert (group / "platform" / "cgroup.procs").read_text(encoding="ascii") == "42"
    for folder in (unified, group):
        text = (folder / "cgroup.subtree_control").read_text(encoding="ascii")
        assert text == "+cpu +memory +pids"


def test_a_group_that_others_may_be_in_is_left_alone(
    unified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmarked(path: Path, name: str) -> bytes:
        raise OSError(61, "No data available")

    monkeypatch.setattr("os.getxattr", unmarked)
    found = controlgroups.find("i")
    assert isinstance(found, str)
    assert "systemd-run --user --scope -p Delegate=yes choreo up" in found
    assert (unified / "cgroup.subtree_control").read_text(encoding="ascii") == ""
    assert not (unified / controlgroups.group_name("i")).exists()


def test_the_group_of_a_process_is_read_for_both_versions() -> None:
    text = "4:memory:/given/one\n3:cpuset:/\n2:cpu,cpuacct:/given/two\n0::/user.slice/scope\n"
    assert hierarchies.own_paths(text) == {
        "memory": "given/one",
        "cpu": "given/two",
        "cpuacct": "given/two",
        "": "user.slice/scope",
    }
