"""Paths in a volume that never lead out of it, whatever its containers do meanwhile.

Whoever checks a path and uses it afterwards may find a link where a folder was. The kernel walks a
path below a folder in one go, and what it finds is used by its descriptor.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

_OPENAT2 = 437
_NO_MAGIC_LINKS, _BENEATH = 0x02, 0x08
_ATTEMPTS = 50


def is_possible() -> bool:
    """Whether the system can walk so."""
    return sys.platform == "linux"


def find(folder: Path, below: str) -> int:
    """What is at a path below a folder, as a descriptor; OSError when it leads out of it."""
    root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _walk(root, below, os.O_PATH)
    finally:
        os.close(root)


def make(folder: Path, below: str, *, mode: int) -> int:
    """The same; a folder with this mode is made where nothing is."""
    root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = [name for name in below.split("/") if name not in {"", "."}]
        for count in range(1, len(names) + 1):
            _make(root, "/".join(names[: count - 1]), names[count - 1], mode=mode)
        return _walk(root, "/".join(names) or ".", os.O_PATH)
    finally:
        os.close(root)


def _make(root: int, parent: str, name: str, *, mode: int) -> None:
    above = _walk(root, parent or ".", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.mkdir(name, dir_fd=above)
        except FileExistsError:
            return
        # What was made just now may have been replaced already.
        made = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=above)
        try:
            os.fchmod(made, mode)
        finally:
            os.close(made)
    finally:
        os.close(above)


def _walk(root: int, path: str, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, 0, _BENEATH | _NO_MAGIC_LINKS)
    for _ in range(_ATTEMPTS):
        found = libc.syscall(_OPENAT2, root, os.fsencode(path), how, len(how))
        if found >= 0:
            return int(found)
        # Somebody moved folders at the same moment: the kernel cannot tell, and asks to try again.
        if ctypes.get_errno() != errno.EAGAIN:
            break
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), path)
