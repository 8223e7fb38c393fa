"""The instance file and its lock, as they are left behind and as others may leave them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from choreo_local.allinone import instance as instances
from choreo_local.errors import PreflightError, RefusedError
from choreo_local.paths import InstancePaths

# Takes the lock of the folder that it is given, says so, and keeps it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from choreo_local.allinone import instance
from choreo_local.paths import InstancePaths
with instance.locked(InstancePaths(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def written(paths: InstancePaths, **changes: Any) -> None:
    """An instance file with some fields of another value."""
    content = {**asdict(instances.new("default")), **changes}
    paths.instance_file.write_text(json.dumps(content))


def test_what_is_saved_is_loaded(paths: InstancePaths) -> None:
    saved = replace(
        instances.running(instances.new("default"), state="ready"),
        ports={"api": 8080},
        service_range="127.130.0.0/16",
        bundles={"core": "1 abc"},
    )
    instances.save(paths, saved)

    assert instances.load(paths) == saved
    assert stat.S_IMODE(paths.instance_file.stat().st_mode) == 0o600
    assert sorted(os.listdir(paths.root)) == ["instance.json", "logs"]


def test_where_nothing_was_there_is_no_instance(tmp_path: Path) -> None:
    assert instances.load(InstancePaths.of("nobody", tmp_path)) is None
    (tmp_path / "file").write_text("")
    assert instances.load(InstancePaths(tmp_path / "file")) is None


def test_a_file_of_an_older_version_gets_what_it_lacks(paths: InstancePaths) -> None:
    paths.instance_file.write_text('{"name": "default", "id": "x", "unknown": [1]}')
    found = instances.load(paths)
    assert found is not None
    assert (found.state, found.ports, found.demo) == ("stopped", {}, False)


def test_a_newer_format_is_refused_with_its_version(paths: InstancePaths) -> None:
    written(paths, format=instances.STATE_FORMAT + 1, version="9.1", ports="not as we know it")
    with pytest.raises(RefusedError, match=r"choreo 9\.1 in state format 2") as refused:
        instances.load(paths)
    assert "newer" in refused.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"name": "default", "id": "x"',
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": "", "id": "x"}',
        b'{"name": "default"}',
    ],
)
def test_a_damaged_file_is_named_with_two_ways_out(paths: InstancePaths, content: bytes) -> None:
    paths.instance_file.write_bytes(content)
    with pytest.raises(PreflightError, match="cannot read") as failed:
        instances.load(paths)
    assert str(paths.instance_file) in failed.value.message
    assert "choreo down --purge" in failed.value.remedy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pid", "17"),
        ("pid", -1),
        ("pid", True),
        ("pid", None),
        ("process_started", "today"),
        ("ports", []),
        ("ports", {"api": "8080"}),
        ("ports", {"api": 0}),
        ("ports", {"api": 65536}),
        ("ports", {"api": True}),
        ("bundles", "core"),
        ("demo", "yes"),
        ("name", 1),
        ("id", ["x"]),
        ("target", "dev"),
        ("target", {"context": 1}),
        ("target", {"unknown": "x"}),
        ("server", None),
        ("service_range", "everywhere"),
        ("service_range", "127.1.0.0/99"),
        ("state", 0),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(paths: InstancePaths, field: str, value: Any) -> None:
    written(paths, **{field: value})
    with pytest.raises(PreflightError, match="cannot read"):
        instances.load(paths)


def test_whole_seconds_are_times_too(paths: InstancePaths) -> None:
    written(paths, process_started=12, booted=3)
    found = instances.load(paths)
    assert found is not None
    assert found.process_started == 12


def test_this_process_runs_what_it_says_it_runs() -> None:
    mine = instances.running(instances.new("default"))
    assert mine.is_running
    assert mine.started_at.endswith("Z")
    assert not instances.stopped(mine).is_running


def test_a_pid_that_another_process_got_does_not_count() -> None:
    mine = instances.running(instances.new("default"))
    assert not replace(mine, process_started=mine.process_started - 3600).is_running


def test_a_clock_that_was_set_does_not_end_an_instance() -> None:
    mine = instances.running(instances.new("default"))
    hour = replace(
        mine, process_started=mine.process_started - 3600, booted=psutil.boot_time() - 3600
    )
    assert hour.is_running


def test_a_process_that_has_ended_does_not_run() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(ended.pid).create_time()
    mine = instances.running(instances.new("default"))
    record = replace(mine, pid=ended.pid, process_started=started)
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert not record.is_running  # a zombie still has its pid
    ended.wait()
    assert not record.is_running


def test_settling_stops_what_has_ended_and_keeps_the_rest(paths: InstancePaths) -> None:
    instances.settle(paths)
    assert instances.load(paths) is None

    instances.save(paths, instances.running(instances.new("default"), state="ready", demo=True))
    instances.settle(paths)

    found = instances.load(paths)
    assert found is not None
    assert (found.state, found.pid, found.demo) == ("stopped", 0, True)


def test_only_one_process_holds_the_lock(paths: InstancePaths) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(paths.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refusal = rf'"default": another process runs it \(pid {holder.pid}\)'
        with pytest.raises(RefusedError, match=refusal), instances.locked(paths):
            pass
        holder.communicate("")
    with instances.locked(paths):
        assert paths.lock.read_text() == str(os.getpid())


def test_a_lock_that_cannot_be_made_is_said_with_words(tmp_path: Path) -> None:
    gone = InstancePaths(tmp_path / "gone")
    with pytest.raises(PreflightError, match="cannot lock"), instances.locked(gone):
        pass


def test_folders_of_an_instance_are_its_owners_alone(tmp_path: Path) -> None:
    paths = InstancePaths.of("default", tmp_path)
    paths.root.mkdir(parents=True)
    paths.root.chmod(0o755)
    instances.ensure_folder(paths)
    for folder in (paths.root, paths.logs):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_in_the_way_is_said_with_another_place(tmp_path: Path) -> None:
    (tmp_path / "instances").write_text("")
    with pytest.raises(PreflightError, match="cannot write to") as failed:
        instances.ensure_folder(InstancePaths.of("default", tmp_path))
    assert "CHOREO_HOME" in failed.value.remedy


@pytest.fixture
def far(tmp_path: Path) -> InstancePaths:
    """An instance whose path is too long for sockets, so that they lie where all may write."""
    paths = InstancePaths.of("x" * 60, tmp_path / ("y" * 60))
    folder = paths.socket("kube").parent
    assert folder.parent == Path("/tmp")
    return paths


def test_sockets_elsewhere_get_a_folder_of_their_own(far: InstancePaths) -> None:
    folder = far.socket("kube").parent
    try:
        instances.ensure_folder(far)
        instances.ensure_folder(far)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()


def test_a_folder_for_sockets_that_others_can_write_to_is_refused(far: InstancePaths) -> None:
    folder = far.socket("kube").parent
    folder.mkdir()
    folder.chmod(0o777)
    try:
        with pytest.raises(RefusedError, match="others can write"):
            instances.ensure_folder(far)
    finally:
        folder.rmdir()


def test_a_link_in_place_of_the_folder_for_sockets_is_refused(
    far: InstancePaths, tmp_path: Path
) -> None:
    link = far.socket("kube").parent
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link.symlink_to(target)
    try:
        with pytest.raises(RefusedError, match="others can write"):
            instances.ensure_folder(far)
    finally:
        link.unlink()


def test_names_are_those_of_folders_with_an_instance_file(paths: InstancePaths) -> None:
    root = paths.root.parents[1]
    assert instances.names(root) == []
    for name in ("zeta", "default", ".hidden", "white space"):
        folder = root / "instances" / name
        folder.mkdir(exist_ok=True)
        (folder / "instance.json").write_text("{")
    (root / "instances" / "file").write_text("")

    assert instances.names(root) == ["default", "zeta"]
    assert instances.names(root / "nowhere") == []


def test_a_failed_write_leaves_the_old_file(
    paths: InstancePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances.save(paths, instances.new("default"))
    before = paths.instance_file.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        instances.save(paths, instances.new("default"))
    assert paths.instance_file.read_text() == before
