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

_OWN = Path("/proc/self/cgroup")


class GroupMoves:
    """Has the kernel wait ahead.

    Args:
        folder: of any hierarchy of groups.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: asyncio.Future[None] | None = None

    def prepare(self) -> None:
        """Begin; processes that are moved soon need not wait."""
        if self._waiting is None or self._waiting.done():
            loop = asyncio.get_running_loop()
            self._waiting = loop.run_in_executor(None, self._stay)

    def _stay(self) -> None:
        # Where this is forbidden, containers wait for themselves.
        with contextlib.suppress(OSError):
            place = own_group(self._folder, _OWN.read_text(encoding="ascii"))
            (place / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def own_group(folder: Path, text: str) -> Path:
    """The group of a process in a hierarchy, by a text like `/proc/self/cgroup`."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    named = {name: path for _, names, path in lines for name in names.split(",")}
    path = named.get(folder.name, named.get("", "/"))
    return folder / path.lstrip("/")
