"""The group of a volume's files: `fsGroup`, by which containers of any user may write to it.

What lies in a volume was made by containers. No name in it is trusted: every file is reached from
the folder that it is in, and links are never followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from choreo_local.embedded.kubelet import usernamespaces
from choreo_local.embedded.kubelet.podspec import Manifest

_DEEPEST = 200
_FOR_FILES, _FOR_FOLDERS, _INHERIT = 0o660, 0o770, stat.S_ISGID
_READABLE = 0o440
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def group_of(pod: Manifest) -> int | None:
    """The group that a pod wants its volumes to have; None where it cannot be given."""
    wanted = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return int(wanted) if wanted is not None and _can_give() else None


def _can_give() -> bool:
    return Path("/proc/self/uid_map").exists() and usernamespaces.is_whole_machine()


def is_lazy(pod: Manifest) -> bool:
    """Whether a volume whose own folder has the group already is left as it is."""
    security = pod["spec"].get("securityContext") or {}
    return security.get("fsGroupChangePolicy") == "OnRootMismatch"


def give_file(path: Path, group: int) -> None:
    """Give a fresh file of ours to a group, to read."""
    os.chown(path, -1, group)
    path.chmod(stat.S_IMODE(path.stat().st_mode) | _READABLE)


def give(volume: Path, group: int, *, lazy: bool) -> None:
    """Give a volume to a group, with all that is in it."""
    folder = os.open(volume, _OPEN | os.O_DIRECTORY)
    try:
        found = os.fstat(folder)
        wanted = _INHERIT | _FOR_FOLDERS
        is_given = found.st_gid == group and found.st_mode & wanted == wanted
        if not (lazy and is_given):
            _give(folder, group, depth=0)
    finally:
        os.close(folder)


def _give(folder: int, group: int, *, depth: int) -> None:
    """The folder comes last, so that a walk that was interrupted is made again."""
    if depth < _DEEPEST:
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # It has gone, or is a link.
                _give_entry(folder, name, group, depth=depth)
    _change(folder, group, _INHERIT | _FOR_FOLDERS)


def _give_entry(folder: int, name: str, group: int, *, depth: int) -> None:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        os.chown(name, -1, group, dir_fd=folder, follow_symlinks=False)
        return
    entry = os.open(name, _OPEN, dir_fd=folder)
    try:
        if stat.S_ISDIR(os.fstat(entry).st_mode):
            _give(entry, group, depth=depth + 1)
        else:
            _change(entry, group, _FOR_FILES)
    finally:
        os.close(entry)


def _change(descriptor: int, group: int, also: int) -> None:
    found = os.fstat(descriptor)
    if found.st_gid != group:
        os.fchown(descriptor, -1, group)
    # After the group: changing that takes some bits away.
    mode = stat.S_IMODE(found.st_mode) | also
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)
