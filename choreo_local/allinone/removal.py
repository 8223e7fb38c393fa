"""Stop an instance from outside, and take away everything that it made."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from choreo_local.allinone import instance as instances
from choreo_local.embedded.kubelet import controlgroups, trees
from choreo_local.embedded.kubelet.marks import ENGINE_NOTE, MARK_INSTANCE
from choreo_local.errors import ChoreoError, PreflightError, RefusedError, WaitTimeoutError
from choreo_local.paths import InstancePaths

_POLL_SECONDS = 0.01


def stop(paths: InstancePaths, *, timeout_seconds: float) -> bool:
    """End the process of an instance in order; whether there was one.

    Also ends what a killed instance left running.
    """
    found = instances.load(paths)
    if found is None:
        return False
    was_running = found.is_running
    if was_running:
        _end(found, timeout_seconds)
    # Somebody may have started it again meanwhile; then nothing of it is left over.
    with contextlib.suppress(RefusedError), instances.locked(paths):
        end_leftovers(found.id)
        clear_engine(paths, found.id)
        instances.settle(paths)
    return was_running


def _end(found: instances.Instance, timeout_seconds: float) -> None:
    try:
        os.kill(found.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise PreflightError(
            f"cannot stop the instance (pid {found.pid}): it belongs to another user",
            remedy="Run the command as the user who started the instance",
        ) from None
    deadline = time.monotonic() + timeout_seconds
    while found.is_running:
        if time.monotonic() > deadline:
            raise WaitTimeoutError(
                f"the instance (pid {found.pid}) did not stop within {timeout_seconds:.0f} s",
                remedy=f"Wait, or end it: kill -9 {found.pid}; "
                "the next choreo up mends what it left",
            )
        time.sleep(_POLL_SECONDS)


def end_leftovers(instance_id: str) -> int:
    """End processes of an instance that outlived it; how many there were."""
    found = marked(instance_id)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=5)
    controlgroups.remove_all(instance_id)
    return len(found)


def clear_engine(paths: InstancePaths, instance_id: str, *, with_images: bool = False) -> int:
    """Remove what a container engine has of an instance that has ended; how much there was."""
    if not (paths.pods / ENGINE_NOTE).exists():
        return 0
    from choreo_local.embedded.kubelet.docker import leftovers  # most instances have nothing there

    return leftovers.clear(paths.pods, instance_id, with_images=with_images)


def marked(instance_id: str) -> list[psutil.Process]:
    """Every child process of an instance, pods and proxies alike; found by its mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK_INSTANCE) == instance_id and process.pid != os.getpid():
                found.append(process)
    return found


def plan(paths: InstancePaths) -> Iterator[str]:
    """What `purge` would remove, a line each."""
    with contextlib.suppress(ChoreoError):
        found = instances.load(paths)
        if found is not None:
            if found.is_running:
                yield f"process {found.pid} (the instance)"
            if is_elsewhere(found):
                yield from _elsewhere(paths, found)
            for process in marked(found.id):
                with contextlib.suppress(psutil.Error):
                    yield f"process {process.pid} ({process.name()})"
            yield from _in_engine(paths, found)
    for folder in _folders(paths):
        yield f"folder {folder} ({_size(folder)})"


def _elsewhere(paths: InstancePaths, found: instances.Instance) -> Iterator[str]:
    # Loaded late: it brings half of the platform, and most instances have nothing elsewhere.
    from choreo_local.allinone import withdrawing

    try:
        yield from withdrawing.plan(paths, found)
    except ChoreoError as error:
        yield f"objects on {found.server}, which cannot be listed: {error.message}"


def _in_engine(paths: InstancePaths, found: instances.Instance) -> Iterator[str]:
    if (paths.pods / ENGINE_NOTE).exists():
        from choreo_local.embedded.kubelet.docker import leftovers

        yield from leftovers.listed(paths.pods, found.id)


def is_elsewhere(found: instances.Instance) -> bool:
    """Whether an instance has something on a cluster outside its process."""
    return found.driver == "k3d" or found.settled_driver not in ("", "embedded")


def withdraw(paths: InstancePaths) -> str:
    """Remove what a stopped instance has on a cluster outside; what it was, empty for nothing."""
    found = _known(paths)
    if found is None or not is_elsewhere(found):
        return ""
    from choreo_local.allinone import withdrawing

    with instances.locked(paths):
        removed = withdrawing.carry_out(paths, found)
        instances.save(paths, replace(found, bundles={}))
    return removed


def _known(paths: InstancePaths) -> instances.Instance | None:
    """The instance; None also when its file cannot be read.

    What is not known cannot be taken away; the state is removed as it is.
    """
    try:
        return instances.load(paths)
    except PreflightError:
        return None


def purge(paths: InstancePaths) -> bool:
    """Remove the state of a stopped instance; whether there was any."""
    folders = list(_folders(paths))
    if not folders:
        return False
    try:
        if paths.root.exists():
            with instances.locked(paths):
                if (found := _known(paths)) is not None:
                    clear_engine(paths, found.id, with_images=True)
                trees.remove_wholly(paths.root)
    except RefusedError as error:
        raise RefusedError(error.message, remedy="Stop it first: choreo down") from error
    except OSError as error:
        raise PreflightError(
            f"cannot remove {error.filename}: {error.strerror}",
            remedy="Run the command as the user who started the instance",
        ) from error
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for parent in (paths.root.parent, paths.root.parent.parent):
        with contextlib.suppress(OSError):
            parent.rmdir()  # only when nothing of another instance is left
    return True


def _folders(paths: InstancePaths) -> Iterator[Path]:
    if paths.root.exists():
        yield paths.root
    sockets = paths.socket("kube").parent
    if sockets != paths.root and sockets.exists():
        yield sockets


def _size(folder: Path) -> str:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(root) / name).st_size
    return f"{total / 1e6:.1f} MB"
