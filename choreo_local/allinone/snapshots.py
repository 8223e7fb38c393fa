"""Copies of an instance's state: taken while it runs, restored while it does not.

A snapshot is the database of the embedded cluster: every object, Secrets included. What pods keep
in volumes, images and logs is not part of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from choreo_local.allinone import instance as instances
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.errors import ChoreoError, PreflightError, RefusedError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.paths import InstancePaths

_PATH = "/snapshot"


async def save_running(client: KubeClient, file: Path) -> int:
    """Write the state of a running instance to a file; how many bytes it has."""
    stream = client.transport.stream("GET", _PATH)
    async with stream as answer:
        if answer.status != 200:
            raise ChoreoError(f"cannot take a snapshot: the instance answered {answer.status}")
        return await _write(answer.chunks(), file)


async def _write(chunks: AsyncIterator[bytes], file: Path) -> int:
    size = 0
    with _replacing(file) as temporary, temporary.open("wb") as target:
        async for chunk in chunks:
            target.write(chunk)
            size += len(chunk)
    return size


def save_stopped(paths: InstancePaths, file: Path) -> int:
    """Write the state of a stopped instance to a file; how many bytes it has."""
    if not paths.database.exists():
        raise PreflightError(f'instance "{paths.root.name}" has no state to take a snapshot of')
    with instances.locked(paths), _replacing(file) as temporary:
        backend = SqliteBackend(paths.database)
        try:
            backend.back_up(temporary)
        finally:
            backend.close()
        return temporary.stat().st_size


def restore(paths: InstancePaths, file: Path) -> None:
    """Put a snapshot in the place of the state of a stopped instance."""
    instances.ensure_folder(paths)
    try:
        lock = instances.locked(paths)
        with lock, _replacing(paths.database) as temporary:
            shutil.copyfile(file, temporary)
            # Opening checks that it is a database of a format that this release reads.
            SqliteBackend(temporary).close()
            # What the log says is newer than the old file, not than this one.
            paths.database.with_name(f"{paths.database.name}-wal").unlink(missing_ok=True)
    except RefusedError as error:
        raise RefusedError(
            f"cannot restore {file}: {error.message}",
            remedy="Stop the instance first (choreo down), and name a file of choreo snapshot save",
        ) from error


@contextlib.contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A private file beside another, which takes its place when all went well."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        yield temporary
        temporary.replace(file)
    except OSError as error:
        raise PreflightError(
            f"cannot write {file}: {error.strerror}", remedy="Choose another file"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
