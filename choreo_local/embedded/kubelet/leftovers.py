"""Processes of an instance that outlived it: found by their marks, never by a name.

Used by the process runtime at its start, and by whoever removes an instance.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import psutil

from choreo_local.embedded.kubelet.marks import MARK_INSTANCE, MARK_POD

_PATIENCE_SECONDS = 3.0
_POLL_SECONDS = 0.005


def orphans(instance_id: str) -> list[psutil.Process]:
    """All processes that belong to pods of an instance, running or not."""
    return [process for process in psutil.process_iter() if _is_marked(process, instance_id)]


def _is_marked(process: psutil.Process, instance_id: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return False
    return environment.get(MARK_INSTANCE) == instance_id and bool(environment.get(MARK_POD))


def pod_of(process: psutil.Process) -> str:
    """The uid of the pod that a process belongs to; empty when it has ended meanwhile."""
    try:
        return str(process.environ().get(MARK_POD, ""))
    except (psutil.Error, OSError):
        return ""


def by_pod(instance_id: str) -> dict[str, list[psutil.Process]]:
    """The same by the uid of their pod."""
    found: dict[str, list[psutil.Process]] = {}
    for process in orphans(instance_id):
        found.setdefault(pod_of(process), []).append(process)
    return found


def end(processes: Iterable[psutil.Process]) -> int:
    """End processes at once; answers how many there were."""
    ending = []
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue
        ending.append(process)
    until = time.monotonic() + _PATIENCE_SECONDS
    while any(_is_alive(process) for process in ending) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return len(ending)


def _is_alive(process: psutil.Process) -> bool:
    # What was not our child stays a zombie until its new parent cares; it holds nothing any more.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
