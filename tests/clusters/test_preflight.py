"""What is said of a machine, and that every trouble has a fix."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local.clusters import preflight
from choreo_local.clusters.preflight import Finding, Level
from choreo_local.embedded import podruntime
from choreo_local.embedded.podruntime import Choice
from tests.clusters.standin import World

Usage = namedtuple("Usage", "total used free")


def found(check: str, state: Path, **ports: int) -> Finding:
    """The finding of one check."""
    (finding,) = (
        finding for finding in preflight.findings(state, ports, ours={}) if finding.check == check
    )
    return finding


def test_every_check_is_made_and_what_is_not_fine_has_a_fix_or_needs_none(tmp_path: Path) -> None:
    findings = list(preflight.findings(tmp_path, {"api": 0}, ours={}))
    assert [finding.check for finding in findings] == [
        "python",
        "state",
        "disk",
        "loopback",
        "port api",
        "sandboxes",
        "docker",
        "container engine",
        "k3d",
        "kubectl",
    ]
    for finding in findings:
        assert finding.message
        if finding.level is Level.PROBLEM:
            assert finding.fix


def test_an_old_python_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("python", tmp_path).level is Level.OK
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    finding = found("python", tmp_path)
    assert finding.level is Level.PROBLEM
    assert finding.message == "Python 3.9 is too old"
    assert "3.11" in finding.fix


def test_a_place_that_does_not_exist_yet_is_judged_by_its_parents(tmp_path: Path) -> None:
    assert found("state", tmp_path / "a" / "b").level is Level.OK


def test_a_place_below_a_file_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    finding = found("state", file / "below")
    assert finding.level is Level.PROBLEM
    assert finding.message == f"cannot write to {file}"
    assert "CHOREO_HOME" in finding.fix


def test_a_place_that_may_not_be_written_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found("state", tmp_path).level is Level.PROBLEM


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**8))
    finding = found("disk", tmp_path / "new")
    assert finding.level is Level.PROBLEM
    assert finding.message.startswith("0.1 GB free")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def test_a_taken_port_is_a_note_that_says_how_to_find_who_has_it(
    tmp_path: Path, taken: int
) -> None:
    finding = found("port api", tmp_path, api=taken)
    assert finding.level is Level.NOTE
    assert str(taken) in finding.message
    assert "every URL follows" in finding.message
    assert f":{taken}" in finding.fix


def test_a_port_of_our_own_instance_is_no_trouble(tmp_path: Path, taken: int) -> None:
    findings = preflight.findings(tmp_path, {"api": taken}, ours={taken: "lab"})
    (finding,) = (finding for finding in findings if finding.check == "port api")
    assert finding.level is Level.OK
    assert finding.message == f'port {taken} is used by the instance "lab"'


def test_programs_that_are_not_there_are_optional(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for check in ("docker", "k3d", "kubectl"):
        finding = found(check, tmp_path)
        assert finding.level is Level.NOTE
        assert "not needed" in finding.message or "optional" in finding.message


def test_a_k3d_that_answers_will_be_taken(world: World, tmp_path: Path) -> None:
    finding = found("k3d", tmp_path)
    assert finding.level is Level.OK
    world.break_(engine="down")
    finding = found("k3d", tmp_path)
    assert finding.level is Level.NOTE
    assert "no container engine answers" in finding.message
    assert "k3d.io" in finding.fix
    assert "PyPI" in finding.fix


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name on the path."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_an_engine_is_asked_whether_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path, "docker", "exit 0")
    assert found("docker", tmp_path).message == "the Docker engine answers"
    program(tmp_path, "docker", "exit 1")
    finding = found("docker", tmp_path)
    assert (finding.level, finding.fix) == (Level.NOTE, "Start Docker")


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 5)

    program(tmp_path, "docker", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", hangs)
    assert found("docker", tmp_path).level is Level.NOTE
    assert found("sandboxes", tmp_path).level is Level.NOTE


def test_sandboxes_are_what_the_probe_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = podruntime.SandboxTools(tmp_path, tmp_path)
    monkeypatch.setattr(podruntime, "probe", lambda: Choice(tools, is_rootless=True))
    finding = found("sandboxes", tmp_path)
    assert (finding.level, finding.message) == (Level.OK, "pods run in sandboxes, without root")


@pytest.mark.parametrize(
    ("obstacle", "fix"),
    [
        ("this machine lacks the program nsenter (package util-linux)", "Install that package"),
        ("cannot make a user namespace: No space left on device", "user.max_user_namespaces"),
    ],
)
def test_where_there_are_no_sandboxes_doctor_says_why(
    obstacle: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podruntime, "probe", lambda: Choice(None, obstacle))
    monkeypatch.setattr(sys, "platform", "linux")
    finding = found("sandboxes", tmp_path)
    assert finding.level is Level.NOTE
    assert obstacle in finding.message
    assert fix in finding.fix or not Path("/proc/sys/user").exists()
