"""Runs a program so that it ends with this process, and finds what an earlier one left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

INSTANCE_VARIABLE = "CHOREO_INSTANCE"

# The child asks for its own end before it becomes the program; a function run between fork and
# exec could deadlock, as this process has threads. A parent that died meanwhile is noticed too.
# Where it is given another network, it enters that as well.
_PARENT_DEATH_SCRIPT = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
if sys.argv[2] and libc.setns(os.open(sys.argv[2], os.O_RDONLY | os.O_CLOEXEC), 0x40000000):
    sys.exit("cannot enter the network: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[3], sys.argv[3:])
"""


def bound_command(command: Sequence[str], *, network: str = "") -> list[str]:
    """The command that runs `command` as a child which the kernel ends with this process."""
    if sys.platform != "linux":
        return list(command)
    script = [sys.executable, "-I", "-S", "-c", _PARENT_DEATH_SCRIPT]
    return [*script, str(os.getpid()), network, *command]


async def start(
    command: Sequence[str], *, instance: str, directory: Path, log: Path, network: str = ""
) -> asyncio.subprocess.Process:
    """Start a program in `directory` with its output appended to `log`.

    `network` is the path of a network namespace that it runs in; empty for that of this process.
    """
    environment: Mapping[str, str] = {
        "PATH": os.environ.get("PATH", ""),
        INSTANCE_VARIABLE: instance,
    }
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *bound_command(command, network=network),
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
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
