"""How a program of a host image says that it accepts connections: by a pipe that has a name."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from choreo_local.embedded.kubelet.runtime import Mount

VARIABLE = "CHOREO_LISTENING"
_INSIDE = "/run/choreo-listening"
_SECONDS = 2.0


class Listening:
    """Waits for one program.

    Args:
        folder: of the container; the pipe is made in it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "listening"
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path)
        # Whoever the container runs as.
        self._path.chmod(0o666)
        self._pipe = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def environment(self) -> dict[str, str]:
        """What the program is told."""
        return {VARIABLE: _INSIDE}

    @property
    def mounts(self) -> Sequence[Mount]:
        """Where it finds the pipe."""
        return [Mount(_INSIDE, self._path)]

    async def wait(self, ended: asyncio.Future[int]) -> None:
        """Wait, for a short while, until it listens or has ended."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_reader(self._pipe, told.set)
        ended.add_done_callback(lambda _: told.set())
        try:
            # It may never listen; that it runs is then all that can be said.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SECONDS):
                    await told.wait()
        finally:
            loop.remove_reader(self._pipe)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._pipe)
