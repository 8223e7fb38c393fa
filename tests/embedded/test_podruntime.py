"""Which runtime this machine gets, and why not a better one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from choreo_local.embedded import podruntime
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.plain import PlainProcesses
from choreo_local.errors import PreflightError, UsageError
from tests import unprivileged

_FORBIDDING = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
_PROBE = "from choreo_local.embedded import podruntime; print(podruntime.probe().obstacle)"


def test_a_sandbox_is_made_when_it_is_asked_for() -> None:
    found = podruntime.probe()
    if found.tools is None:
        with pytest.raises(PreflightError, match="cannot run pods in sandboxes"):
            podruntime.choose(podruntime.SANDBOX)
    else:
        assert podruntime.choose(podruntime.SANDBOX) == found


def test_whoever_does_not_ask_gets_what_the_machine_can_do() -> None:
    assert podruntime.choose(podruntime.AUTO) == podruntime.probe()


def test_plain_processes_say_why() -> None:
    assert podruntime.choose(podruntime.PROCESS).obstacle == "asked for with --runtime process"
    with pytest.raises(UsageError, match='no runtime "vmware"'):
        podruntime.choose("vmware")


def test_another_user_gets_sandboxes_too() -> None:
    if podruntime.probe().tools is None:
        pytest.skip("no sandboxes on this machine")
    if lacking := unprivileged.lacking():
        pytest.skip(lacking)
    command = unprivileged.command(sys.executable, "-c", _PROBE)
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == ""


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    if podruntime.probe().tools is None:
        pytest.skip("no sandboxes on this machine")
    found = shutil.which
    monkeypatch.setattr(
        "shutil.which",
        lambda name, path=None: None if name == "nsenter" else found(name, path=path),
    )
    assert (
        podruntime.probe().obstacle == "this machine lacks the program nsenter (package util-linux)"
    )


def test_where_namespaces_are_forbidden_the_reason_is_the_kernels() -> None:
    if podruntime.probe().tools is None or shutil.which("unshare") is None:
        pytest.skip("no sandboxes on this machine")
    within = ["unshare", "--user", "--map-root-user", "sh", "-c", _FORBIDDING, "sh"]
    done = subprocess.run(
        [*within, sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("cannot make a user namespace:")


def test_the_capabilities_of_plain_processes_carry_the_reason(tmp_path: Path) -> None:
    plain = PlainProcesses(Surroundings("i", cache_folder=tmp_path), instead_of="no such luck")
    told = {each.name: each for each in plain.capabilities()}
    assert not told["network-policy"].enforced
    assert told["network-policy"].reason.endswith(": no such luck")
