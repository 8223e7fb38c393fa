"""The instance file: which process runs the instance, on which ports, in which state format.

It is written by the process that holds the instance's lock and read by everybody else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from choreo_local import __version__, clock
from choreo_local.errors import PreflightError, RefusedError
from choreo_local.paths import InstancePaths

# Raised when a change of the state directory cannot be read by older versions.
STATE_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Instance:
    """What is known of an instance from its file.

    Attributes:
        id: marks the child processes of this instance; never changes.
        state: starting, ready, stopping or stopped.
        ports: purpose → port on the loopback address; kept over restarts where still free.
        service_range: addresses of Services, as a CIDR.
        bundles: name → fingerprint of what was applied of it.
    """

    name: str
    id: str
    driver: str = "embedded"
    state: str = "stopped"
    pid: int = 0
    process_started: float = 0.0
    started_at: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    demo: bool = False
    service_range: str = ""
    bundles: dict[str, str] = field(default_factory=dict)
    version: str = __version__
    format: int = STATE_FORMAT

    @property
    def is_running(self) -> bool:
        """Whether its process lives; a pid that another process got does not count."""
        if not self.pid:
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.process_started) < 1
        except psutil.NoSuchProcess:
            return False


def new(name: str) -> Instance:
    """An instance that does not exist yet."""
    return Instance(name=name, id=clock.new_uid())


def running(instance: Instance, **changes: Any) -> Instance:
    """`instance` as run by this process."""
    process = psutil.Process()
    return replace(
        instance,
        pid=process.pid,
        process_started=process.create_time(),
        version=__version__,
        format=STATE_FORMAT,
        **changes,
    )


def load(paths: InstancePaths) -> Instance | None:
    """The instance of a state directory, None when there is none.

    Raises RefusedError when a newer version of the platform wrote it.
    """
    try:
        content = json.loads(paths.instance_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise PreflightError(
            f"cannot read {paths.instance_file}: {error}",
            remedy="Restore the file from a backup, or remove everything: choreo down --purge",
        ) from error
    found = int(content.get("format", 0))
    if found > STATE_FORMAT:
        raise RefusedError(
            f"cannot use {paths.root}: it was written by choreo {content.get('version', '?')} in "
            f"state format {found}, and choreo {__version__} reads formats up to {STATE_FORMAT}",
            remedy="Install that version or a newer one, or choose another instance: --instance",
        )
    known = {name: content[name] for name in Instance.__dataclass_fields__ if name in content}
    return Instance(**known)


def save(paths: InstancePaths, instance: Instance) -> None:
    """Write the instance file; readers see the old or the new one, never half of it."""
    write_private(paths.instance_file, json.dumps(asdict(instance), indent=1) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextlib.contextmanager
def locked(paths: InstancePaths) -> Iterator[None]:
    """Hold the instance's lock; RefusedError when another process holds it."""
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                f'cannot run instance "{paths.root.name}": another process runs it',
                remedy="See it with: choreo status",
            ) from None
        yield
    finally:
        os.close(descriptor)


def names(root: Path) -> list[str]:
    """The names of all instances below a state root."""
    folder = root / "instances"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / "instance.json").exists())


def stopped(instance: Instance) -> Instance:
    """`instance` after its process has gone."""
    return replace(instance, state="stopped", pid=0, process_started=0.0)
