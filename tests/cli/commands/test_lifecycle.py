"""`up` and `down` before a process is started, and after it has failed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.cli import output
from choreo_local.cli.commands import lifecycle
from choreo_local.errors import ChoreoError, RefusedError, WaitTimeoutError
from choreo_local.paths import InstancePaths
from tests.cli.conftest import Choreo

Usage = namedtuple("Usage", "total used free")
PORTS = {"api": 8123, "gateway": 19090, "kube": 6551, "registry": 10083}


def runs(**changes: Any) -> InstancePaths:
    """An instance that this process seems to run."""
    paths = InstancePaths.of("default")
    instances.ensure_folder(paths)
    record = instances.running(instances.new("default"), **{"state": "ready", **changes})
    instances.save(paths, record)
    return paths


def test_starting_twice_prints_the_same_data_and_says_why(choreo: Choreo) -> None:
    runs(ports=PORTS, demo=True)
    printed = choreo("up", "--demo")
    assert printed.code == 0
    assert printed.out.endswith(".openchoreoapis.localhost:19090/greeter-http\n")
    assert "nothing to do" in printed.err
    assert "http://127.0.0.1:8123" in printed.err


def test_the_demo_can_be_added_to_what_runs_without_it(choreo: Choreo) -> None:
    runs(ports=PORTS)
    printed = choreo("up", "--demo")
    assert printed.code == 0
    assert printed.out == ""
    assert "choreo apply --demo" in printed.err


def test_another_driver_than_the_running_one_is_refused(choreo: Choreo) -> None:
    runs(ports=PORTS)
    printed = choreo("up", "--driver", "k3d")
    assert printed.code == 3
    assert "with the driver embedded" in printed.err
    assert choreo("up", "--driver", "embedded").code == 0


def test_a_start_is_not_started_again(choreo: Choreo) -> None:
    runs(state="starting")
    printed = choreo("up")
    assert printed.code == 3
    assert "is starting" in printed.err
    assert "choreo status" in printed.err


def test_a_terminal_gets_the_dashboard_unless_it_is_not_wanted(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from choreo_local.cli.commands import tui

    opened: list[str] = []

    def open_dashboard(name: str) -> int:
        opened.append(name)
        return 0

    monkeypatch.setattr(tui, "open_dashboard", open_dashboard)
    runs(ports=PORTS)
    choreo("up")
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    choreo("up", "--no-tui")
    assert opened == []
    choreo("up")
    assert opened == ["default"]


def test_a_full_disk_is_said_before_anything_is_started(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 5 * 10**6))
    printed = choreo("up")
    assert printed.code == 1
    assert "only 5 MB are free" in printed.err
    assert "CHOREO_HOME" in printed.err


@pytest.fixture
def ended() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has ended with a certain code."""
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(9)"]) as process:
        yield process


@pytest.fixture
def paths(choreo: Choreo) -> InstancePaths:
    """The paths of an instance in the home of the tests."""
    return InstancePaths.of("default")


def told(*lines: bytes) -> int:
    """The reading end of a pipe into which an instance wrote before it closed it."""
    reading, writing = os.pipe()
    for line in lines:
        os.write(writing, line + b"\n")
    os.close(writing)
    return reading


def test_a_start_is_followed_to_its_end(
    ended: subprocess.Popen[bytes],
    paths: InstancePaths,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reading = told(b'{"phase": "code", "seconds": 1.5, "last": 2}', b'{"ready": true, "x": 1}')
    assert lifecycle._follow(reading, ended, paths, timeout=30) == {"ready": True, "x": 1}
    os.close(reading)
    shown = capsys.readouterr().err
    assert "✓ code" in shown
    assert "1.50 s   last time 2.00 s" in shown


@pytest.mark.parametrize(
    ("code", "error_class"),
    [(1, ChoreoError), (3, RefusedError), (4, WaitTimeoutError), (77, ChoreoError)],
)
def test_a_failed_start_ends_with_the_code_of_its_failure(
    ended: subprocess.Popen[bytes], paths: InstancePaths, code: int, error_class: type[Exception]
) -> None:
    line = json.dumps({"failed": "no disk", "remedy": "buy one", "exitCode": code}).encode()
    reading = told(line)
    with pytest.raises(ChoreoError, match="cannot start: no disk") as failed:
        lifecycle._follow(reading, ended, paths, timeout=30)
    os.close(reading)
    assert type(failed.value) is error_class
    assert failed.value.remedy == "buy one"


def test_a_start_that_dies_points_to_its_last_words(
    ended: subprocess.Popen[bytes], paths: InstancePaths
) -> None:
    reading = told(b'{"phase": "code"}')
    with pytest.raises(ChoreoError, match="ended with exit code 9") as failed:
        lifecycle._follow(reading, ended, paths, timeout=30)
    os.close(reading)
    assert "output.log" in failed.value.remedy


def test_a_start_that_takes_too_long_goes_on(
    ended: subprocess.Popen[bytes], paths: InstancePaths
) -> None:
    reading, writing = os.pipe()
    with pytest.raises(WaitTimeoutError, match="it goes on starting") as failed:
        lifecycle._follow(reading, ended, paths, timeout=0.05)
    os.close(writing)
    os.close(reading)
    assert "choreo status" in failed.value.remedy


def test_down_where_nothing_runs_is_done(choreo: Choreo) -> None:
    assert choreo("down").code == 0
    assert "nothing to do" in choreo("down").err
    assert "nothing to remove" in choreo("down", "--purge", "--yes").err


def test_a_dry_run_of_a_purge_lists_and_keeps(choreo: Choreo, paths: InstancePaths) -> None:
    instances.ensure_folder(paths)
    assert choreo("down", "--purge", "--dry-run").out.startswith(f"folder {paths.root}")
    assert paths.root.exists()


def test_what_cannot_be_read_can_be_purged_but_not_stopped(
    choreo: Choreo, paths: InstancePaths
) -> None:
    instances.ensure_folder(paths)
    paths.instance_file.write_text("{")
    refused = choreo("down")
    assert refused.code == 1
    assert "choreo down --purge" in refused.err
    assert choreo("down", "--purge", "--yes").code == 0
    assert not paths.root.exists()
