"""Shortens the wait of processes that enter a control group.

Before Linux moves a process between groups it waits until all processors have noticed, ten
milliseconds and more; for about as long afterwards it need not wait again. So who is about to start
a container has the kernel wait beside other work: this process is moved to where it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from choreo_local.embedded.kubelet import hierarchies
from choreo_local.embedded.kubelet.hierarchies import Hierarchies

_MOUNTS, _OWN = Path("/proc/self/mounts"), Path("/proc/self/cgroup")
_CONTROLLER = "pids"


class GroupMoves:
    """Has the kernel wait ahead.

    Args:
        places: where groups are made.
    """

    def __init__(self, places: Hierarchies) -> None:
        self._places = places
        self._waiting: asyncio.Future[None] | None = None

    def prepare(self) -> None:
        """Begin; processes that are moved soon need not wait."""
        if self._waiting is None or self._waiting.done():
            loop = asyncio.get_running_loop()
            self._waiting = loop.run_in_executor(None, self._stay)

    def _stay(self) -> None:
        # Where this is forbidden, containers wait for themselves.
        with contextlib.suppress(OSError):
            mounts, own = (each.read_text(encoding="utf-8") for each in (_MOUNTS, _OWN))
            if place := own_group(self._places, mounts, own):
                (place / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def own_group(places: Hierarchies, mounts: str, own: str) -> Path | None:
    """The group in which a process is, in the hierarchy of `places`.

    By texts like `/proc/self/mounts` and `/proc/self/cgroup`.
    """
    folder = places.folders[_CONTROLLER]
    name = "" if places.is_unified else _CONTROLLER
    for mount, is_unified, options in hierarchies.parse(mounts):
        is_ours = is_unified == places.is_unified and (is_unified or name in options)
        if is_ours and folder.is_relative_to(mount):
            return mount / hierarchies.own_paths(own).get(name, "")
    return None
