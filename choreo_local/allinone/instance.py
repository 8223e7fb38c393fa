"""The instance file: which process runs the instance, on which ports, in which state format.

It is written by the process that holds the instance's lock and read by everybody else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import psutil

from choreo_local import __version__, clock
from choreo_local.clusters.target import NOWHERE, Target
from choreo_local.errors import PreflightError, RefusedError
from choreo_local.paths import InstancePaths, is_name

# Raised when a change of the state directory cannot be read by older versions.
STATE_FORMAT = 1
_OTHER_PLACE = "Choose another place for all state: CHOREO_HOME=DIRECTORY choreo up"
_OTHER_USER = (
    "Run the command as the user who started the instance, or choose another place for yours: "
    "export CHOREO_HOME=DIRECTORY"
)


@dataclass(frozen=True, slots=True)
class Instance:
    """What is known of an instance from its file.

    Attributes:
        id: marks the child processes of this instance; never changes.
        state: starting, ready, stopping or stopped.
        booted: when the machine was started, by the clock with which `process_started` was read.
        ports: purpose → port on the loopback address; kept over restarts where still free.
        service_range: addresses of Services, as a CIDR.
        bundles: name → fingerprint of what was applied of it.
        server: base URL of the Kubernetes API.
        cluster: identity of a cluster that is not ours, which the instance is on.
        target: which cluster was asked for, where we do not make it.
        runtime: how pods are kept apart on the embedded cluster, as it was asked for last.
    """

    name: str
    id: str
    driver: str = "embedded"
    state: str = "stopped"
    pid: int = 0
    process_started: float = 0.0
    booted: float = 0.0
    started_at: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    demo: bool = False
    service_range: str = ""
    bundles: dict[str, str] = field(default_factory=dict)
    server: str = ""
    cluster: str = ""
    target: Target = NOWHERE
    runtime: str = "auto"
    version: str = __version__
    format: int = STATE_FORMAT

    @property
    def settled_driver(self) -> str:
        """The driver on which this instance has something; empty when it has nothing yet."""
        return self.driver if self.bundles else ""

    @property
    def is_running(self) -> bool:
        """Whether its process lives; a pid that another process got does not count."""
        if not self.pid:
            return False
        try:
            process = psutil.Process(self.pid)
            moved = process.create_time() - self.process_started
            ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False
        # On Linux the times of processes and of the boot move together when the clock is set.
        return not ended and min(abs(moved), abs(moved - psutil.boot_time() + self.booted)) < 1


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
        booted=psutil.boot_time(),
        started_at=clock.timestamp(),
        version=__version__,
        format=STATE_FORMAT,
        **changes,
    )


def load(paths: InstancePaths) -> Instance | None:
    """The instance of a state directory, None when there is none.

    Raises RefusedError when a newer version of the platform wrote it, PreflightError when it
    cannot be read.
    """
    try:
        content = json.loads(paths.instance_file.read_text(encoding="utf-8"))
        _check_format(content, paths)
        return _parsed(content)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise PreflightError(
            f"cannot read {paths.instance_file}: {error.strerror}", remedy=_OTHER_USER
        ) from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise PreflightError(
            f"cannot read {paths.instance_file}: {error}",
            remedy="Restore the file from a backup, or remove everything: choreo down --purge",
        ) from error


def _check_format(content: Any, paths: InstancePaths) -> None:
    if not isinstance(content, dict):
        raise TypeError("it holds no object")
    found = content.get("format", 0)
    if isinstance(found, int) and found > STATE_FORMAT:
        raise RefusedError(
            f"cannot use {paths.root}: it was written by choreo {content.get('version', '?')} in "
            f"state format {found}, and choreo {__version__} reads formats up to {STATE_FORMAT}",
            remedy="Install that version or a newer one, or choose another instance: --instance",
        )


def _parsed(content: dict[str, Any]) -> Instance:
    """The instance; TypeError or ValueError when a field of it is not what `save` writes."""
    known = {}
    for name, default in asdict(Instance(name="", id="")).items():
        value = known[name] = content.get(name, default)
        number = isinstance(default, float) and type(value) is int
        if type(value) is not type(default) and not number:
            raise TypeError(f"its field {name} is not a {type(default).__name__}")
    target = asdict(NOWHERE) | known.pop("target")
    if set(target) != set(asdict(NOWHERE)) or not all(isinstance(v, str) for v in target.values()):
        raise TypeError("its field target names no cluster")
    found = Instance(**known, target=Target(**target))
    if not found.name or not found.id or found.pid < 0:
        raise ValueError("it names no instance")
    if any(type(port) is not int or not 0 < port < 65536 for port in found.ports.values()):
        raise ValueError("its ports are no port numbers")
    if found.service_range:
        IPv4Network(found.service_range)
    return found


def save(paths: InstancePaths, instance: Instance) -> None:
    """Write the instance file; readers see the old or the new one, never half of it."""
    write_private(paths.instance_file, json.dumps(asdict(instance), indent=1) + "\n")


def ensure_folder(paths: InstancePaths) -> None:
    """Make the folders of an instance: nobody else may look into what they hold.

    Raises PreflightError when they cannot be made, RefusedError when somebody else made them.
    """
    try:
        paths.root.parent.mkdir(parents=True, exist_ok=True)
        paths.root.mkdir(exist_ok=True, mode=0o700)
        if stat.S_IMODE(paths.root.stat().st_mode) & 0o077:
            paths.root.chmod(0o700)
        paths.logs.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise PreflightError(
            f"cannot write to {paths.root}: {error.strerror}", remedy=_OTHER_PLACE
        ) from error
    sockets = paths.socket("kube").parent
    if sockets != paths.root:
        _ensure_private(sockets)


def _ensure_private(folder: Path) -> None:
    """Make a folder in a place where everybody may make some; it must be ours alone."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise RefusedError(
            f"cannot use {folder} for sockets: others can write to it", remedy=_OTHER_PLACE
        )


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
    try:
        descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise PreflightError(
            f"cannot lock {paths.lock}: {error.strerror}", remedy=_OTHER_USER
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
            raise RefusedError(
                f'cannot run instance "{paths.root.name}": another process runs it (pid {holder})',
                remedy="See it with: choreo status",
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def names(root: Path) -> list[str]:
    """The names of all instances below a state root that this user may see."""
    try:
        entries = list((root / "instances").iterdir())
    except OSError:
        return []
    return sorted(
        entry.name
        for entry in entries
        if is_name(entry.name) and os.path.exists(entry / "instance.json")
    )


def settle(paths: InstancePaths) -> None:
    """Note that an instance has ended; for who holds its lock."""
    found = load(paths)
    if found is not None and found.state != "stopped":
        save(paths, stopped(found))


def stopped(instance: Instance) -> Instance:
    """`instance` after its process has gone."""
    return replace(instance, state="stopped", pid=0, process_started=0.0, booted=0.0)
