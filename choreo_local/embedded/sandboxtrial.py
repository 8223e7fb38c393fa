"""Tries in a process of its own whether sandboxes can be made without root.

The process, a fork or `python -m choreo_local.embedded.sandboxtrial BUBBLEWRAP`, tells what goes
wrong, or nothing; it ends with all that it made. Used by `podruntime`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from choreo_local.embedded import usernamespace
from choreo_local.embedded.network.isolated import trial
from choreo_local.embedded.network.isolated.namespaces import Namespaces
from choreo_local.embedded.network.isolated.router import Router
from choreo_local.errors import ChoreoError

_CONFINED = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts")
_VIEW = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
_SECONDS = 20


def main(bubblewrap: str) -> str:
    """What goes wrong; empty when nothing does."""
    try:
        usernamespace.enter()
    except OSError as error:
        return usernamespace.obstacle(error)
    try:
        _network()
    except (OSError, ChoreoError) as error:
        return f"cannot make a network in a user namespace: {error}"
    return sandbox(bubblewrap)


def _network() -> None:
    namespaces = Namespaces(has_home=True)
    router = namespaces.wait_for(lambda: Router(namespaces, "trial"))
    namespaces.wait_for(lambda: router.load(trial.rules()))
    namespaces.wait_for(router.close)
    namespaces.close()


def in_a_fork(bubblewrap: str) -> str:
    """The same for a process that has one thread, which need not load everything once more."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, main(bubblewrap).encode()[: select.PIPE_BUF])
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, "rb") as answer:
        in_time, _, _ = select.select([answer], [], [], _SECONDS)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        found = answer.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if status:
        return f"cannot make a sandbox: the trial ended with {os.waitstatus_to_exitcode(status)}"
    return found


def sandbox(bubblewrap: str) -> str:
    """What goes wrong when a program is started in one; empty when nothing does."""
    command = [bubblewrap, *_CONFINED, *_VIEW, "true"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot make a sandbox: {error}"
    return f"cannot make a sandbox: {done.stderr.strip()[:300]}" if done.returncode else ""


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
