"""Runs a program so that it ends with this process, and finds what an earlier one left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from choreo_local.embedded.network import handing

INSTANCE_VARIABLE = "CHOREO_INSTANCE"

# The child asks for its own end before it becomes the program; a function run between fork and
# exec could deadlock, as this process has threads. A parent that died meanwhile is noticed too.
_PARENT_DEATH_SCRIPT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another network, by the path of its namespace, and a socket that `handing` speaks to."""

    network: str
    channel: int


def bound_command(command: Sequence[str], elsewhere: Elsewhere | None = None) -> list[str]:
    """The command that runs `command` as a child which the kernel ends with this process."""
    if sys.platform != "linux":
        return list(command)
    python = [sys.executable, "-I", "-S"]
    if elsewhere is None:
        return [*python, "-c", _PARENT_DEATH_SCRIPT, str(os.getpid()), *command]
    where = (elsewhere.network, str(elsewhere.channel))
    return [*python, handing.__file__, str(os.getpid()), *where, *command]


async def start(
    command: Sequence[str],
    *,
    instance: str,
    directory: Path,
    log: Path,
    elsewhere: Elsewhere | None = None,
) -> asyncio.subprocess.Process:
    """Start a program in `directory` with its output appended to `log`."""
    environment: Mapping[str, str] = {
        "PATH": os.environ.get("PATH", ""),
        INSTANCE_VARIABLE: instance,
    }
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *bound_command(command, elsewhere),
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[elsewhere.channel] if elsewhere else [],
        )


def end_leftovers(instance: str, program: str) -> int:
    """End programs that a killed instance of that id left; answers how many there were."""
    ended = 0
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != program:
            continue
        try:
            if process.environ().get(INSTANCE_VARIABLE) == instance:
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=2)
                ended += 1
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.TimeoutExpired):
            continue
    return ended
