"""Tries in a process of its own whether sandboxes can be made without root.

`python -m choreo_local.embedded.sandboxtrial BUBBLEWRAP` prints what goes wrong, or nothing.
The process ends with all that it made. Used by `podruntime`.
"""

from __future__ import annotations

import asyncio
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
        asyncio.run(_network())
    except (OSError, ChoreoError) as error:
        return f"cannot make a network in a user namespace: {error}"
    return sandbox(bubblewrap)


async def _network() -> None:
    namespaces = Namespaces(has_home=True)
    router = await namespaces.run(lambda: Router(namespaces, "trial"))
    await namespaces.run(lambda: router.load(trial.RULES))
    await namespaces.run(router.close)
    namespaces.close()


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
