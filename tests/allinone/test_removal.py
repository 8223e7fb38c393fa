"""Stopping an instance from outside, and taking away what it made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from choreo_local.allinone import instance as instances
from choreo_local.allinone import removal
from choreo_local.embedded.kubelet.marks import MARK_INSTANCE
from choreo_local.errors import PreflightError, RefusedError, WaitTimeoutError
from choreo_local.paths import InstancePaths

# Says that it lives, and stays until it is told to stop.
LIVES = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"
LOCKS = """
import sys, time
from pathlib import Path
from choreo_local.allinone import instance
from choreo_local.paths import InstancePaths
with instance.locked(InstancePaths(Path(sys.argv[1]))):
    print("up", flush=True)
    time.sleep(600)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs; those that still run afterwards are ended."""
    started = []

    def run(code: str, *arguments: str, mark: str = "") -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK_INSTANCE: mark},
        )
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        return child

    yield run
    for child in started:
        child.kill()
        child.communicate()


def recorded(paths: InstancePaths, child: subprocess.Popen[str]) -> instances.Instance:
    """The instance file says that a process runs the instance."""
    record = replace(
        instances.running(instances.new("default"), state="ready"),
        pid=child.pid,
        process_started=psutil.Process(child.pid).create_time(),
    )
    instances.save(paths, record)
    return record


def test_where_nothing_is_nothing_is_stopped(paths: InstancePaths) -> None:
    assert not removal.stop(paths, timeout_seconds=1)


def test_an_instance_is_stopped_and_noted_as_stopped(paths: InstancePaths, start: Start) -> None:
    child = start(LIVES)
    recorded(paths, child)

    assert removal.stop(paths, timeout_seconds=30)

    assert child.wait(30) == -signal.SIGTERM
    found = instances.load(paths)
    assert found is not None
    assert (found.state, found.pid) == ("stopped", 0)
    assert not removal.stop(paths, timeout_seconds=1)


def test_one_that_does_not_end_is_named_with_the_last_resort(
    paths: InstancePaths, start: Start
) -> None:
    child = start(STUBBORN)
    recorded(paths, child)
    with pytest.raises(WaitTimeoutError, match=f"pid {child.pid}") as failed:
        removal.stop(paths, timeout_seconds=0.1)
    assert f"kill -9 {child.pid}" in failed.value.remedy


def test_somebody_elses_instance_is_not_stopped(
    paths: InstancePaths, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(paths, start(LIVES))

    def forbidden(pid: int, number: int) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", forbidden)
        with pytest.raises(PreflightError, match="another user"):
            removal.stop(paths, timeout_seconds=1)


def test_what_a_killed_instance_left_running_is_ended(paths: InstancePaths, start: Start) -> None:
    child = start(LIVES)
    record = recorded(paths, child)
    left = start(LIVES, mark=record.id)
    stranger = start(LIVES, mark="another")
    child.kill()
    child.wait()

    assert not removal.stop(paths, timeout_seconds=1)

    assert not psutil.pid_exists(left.pid)
    assert stranger.poll() is None
    found = instances.load(paths)
    assert found is not None
    assert found.state == "stopped"


def test_a_record_without_a_mark_takes_nobody_along(start: Start) -> None:
    child = start(LIVES, mark="x")
    assert child.pid not in [process.pid for process in removal.marked("y")]
    assert [process.pid for process in removal.marked("x")] == [child.pid]


def test_the_plan_lists_processes_and_folders(paths: InstancePaths, start: Start) -> None:
    child = start(LIVES)
    record = recorded(paths, child)
    pod = start(LIVES, mark=record.id)
    (paths.root / "big").write_bytes(b"\0" * 1_500_000)

    lines = list(removal.plan(paths))

    assert lines[0] == f"process {child.pid} (the instance)"
    assert any(line.startswith(f"process {pod.pid} (") for line in lines)
    assert lines[-1] == f"folder {paths.root} (1.5 MB)"
    assert child.poll() is None


def test_the_plan_of_a_damaged_instance_lists_its_folder(paths: InstancePaths) -> None:
    paths.instance_file.write_text("{")
    assert list(removal.plan(paths)) == [f"folder {paths.root} (0.0 MB)"]


def test_a_purge_leaves_nothing_and_does_not_touch_the_home(
    paths: InstancePaths, tmp_path: Path
) -> None:
    (paths.root / "pods" / "x").mkdir(parents=True)
    (tmp_path / "mine").write_text("")

    assert removal.purge(paths)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]
    assert not removal.purge(paths)


def test_a_purge_leaves_other_instances_alone(paths: InstancePaths) -> None:
    other = InstancePaths.of("other")
    instances.ensure_folder(other)
    removal.purge(paths)
    assert not paths.root.exists()
    assert other.root.exists()


def test_a_purge_does_not_follow_links_out_of_the_folder(
    paths: InstancePaths, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    (paths.root / "link").symlink_to(outside)
    removal.purge(paths)
    assert (outside / "kept").exists()


def test_a_purge_removes_sockets_that_lie_elsewhere(tmp_path: Path) -> None:
    far = InstancePaths.of("x" * 60, tmp_path / ("y" * 60))
    instances.ensure_folder(far)
    folder = far.socket("kube").parent
    assert folder.exists()
    removal.purge(far)
    assert not folder.exists()


def test_a_running_instance_is_not_purged(paths: InstancePaths, start: Start) -> None:
    child = start(LOCKS, str(paths.root))
    with pytest.raises(RefusedError, match="another process runs it") as refused:
        removal.purge(paths)
    assert refused.value.remedy == "Stop it first: choreo down"
    assert paths.root.exists()
    assert child.poll() is None
