"""Locks between processes: the store of images is shared by all instances of a user.

A lock ends with the process that holds it, however it dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

# The kernel tells nobody when a lock is let go, so it is tried again.
_RETRY_SECONDS = 0.05


@dataclass(slots=True)
class Lock:
    """A lock on a file that is held until `release`."""

    descriptor: int

    def release(self) -> None:
        """Let go; may be repeated."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def try_lock(path: Path, *, shared: bool = False, create: bool = True) -> Lock | None:
    """Lock the file that has this name now; None while another holds it, or if it is not there."""
    while True:
        try:
            flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            if create:
                raise
            return None
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if has_name(descriptor, path):
            return Lock(descriptor)
        os.close(descriptor)  # it was renamed or removed while we waited


def has_name(descriptor: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


async def lock(path: Path, *, shared: bool = False) -> Lock:
    """Lock a file, waiting for whoever holds it."""
    while (found := try_lock(path, shared=shared)) is None:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(_RETRY_SECONDS)
    return found


@contextlib.contextmanager
def waited(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock for the time of a block, outside of an event loop."""
    while (found := try_lock(path, shared=shared)) is None:
        time.sleep(_RETRY_SECONDS)
    try:
        yield
    finally:
        found.release()


@contextlib.asynccontextmanager
async def locked(path: Path, *, shared: bool = False) -> AsyncIterator[None]:
    """Hold a lock for the time of a block."""
    found = await lock(path, shared=shared)
    try:
        yield
    finally:
        found.release()
