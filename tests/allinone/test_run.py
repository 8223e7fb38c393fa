"""The process of an instance: what it refuses, and how it ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.allinone import interpreter, progress, run
from choreo_local.errors import ChoreoError
from choreo_local.paths import InstancePaths


def test_a_name_that_leads_elsewhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["--instance", "../x"])
    assert ended.value.code == 2
    assert '"../x" cannot be the name' in capsys.readouterr().err


@pytest.fixture
def signals() -> Any:
    """The signals of this process as an instance takes them."""
    with run._Signals() as found:
        yield found


def test_a_signal_interrupts_a_start(signals: run._Signals) -> None:
    def starting() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(10)

    with pytest.raises(ChoreoError, match=r"told to stop \(SIGTERM\)"):
        starting()
    assert signals.finish.is_set()


def test_a_signal_ends_what_has_started_in_order(signals: run._Signals) -> None:
    signals.started = True
    os.kill(os.getpid(), signal.SIGINT)
    assert signals.finish.wait(10)


def test_asking_again_does_not_disturb_the_end(signals: run._Signals) -> None:
    signals.started = True
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.finish.wait(10)
    os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # a second Ctrl+C ends at once


def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with run._Signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def started(paths: InstancePaths, *options: str) -> tuple[list[dict[str, Any]], int]:
    """What an instance tells until it ends by itself, and its exit code."""
    reading, writing = os.pipe()
    arguments = ("--instance", paths.root.name, "--progress-fd", str(writing), *options)
    with subprocess.Popen(
        interpreter.module("choreo_local.allinone.run", *arguments),
        pass_fds=(writing,),
        env={**os.environ, "CHOREO_HOME": str(paths.root.parents[1])},
    ) as process:
        os.close(writing)
        told = list(progress.follow(reading, timeout_seconds=60))
    os.close(reading)
    return told, process.returncode


@pytest.mark.timeout(60)
def test_a_driver_that_cannot_be_used_is_told_and_leaves_a_stopped_instance(
    paths: InstancePaths,
) -> None:
    told, code = started(paths, "--driver", "k3d")
    assert code == 1
    assert 'cannot use the driver "k3d"' in told[-1]["failed"]
    assert "embedded" in told[-1]["remedy"]
    found = instances.load(paths)
    assert found is not None
    assert (found.state, found.pid) == ("stopped", 0)


@pytest.mark.timeout(60)
def test_an_instance_that_runs_is_not_started_again(paths: InstancePaths) -> None:
    with instances.locked(paths):
        told, code = started(paths)
    assert code == 3
    assert "another process runs it" in told[-1]["failed"]
    assert told[-1]["exitCode"] == 3


@pytest.mark.timeout(60)
def test_a_newer_state_is_left_as_it_is(paths: InstancePaths) -> None:
    newer = json.dumps({"format": 99, "version": "9.0", "name": "default", "id": "x"})
    paths.instance_file.write_text(newer)
    told, code = started(paths)
    assert code == 3
    assert "9.0" in told[-1]["failed"]
    assert paths.instance_file.read_text() == newer


def test_modules_of_the_current_folder_are_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(77)")
    command = interpreter.module("json.tool", "--help")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert command[0] == sys.executable
    assert done.returncode == 0
