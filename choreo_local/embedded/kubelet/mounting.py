"""Mounts that are nowhere yet, by calls of the kernel that Python does not know; Linux only.

A part of the file system is taken as a mount of its own, is shown under other owners if wanted,
and is then put somewhere, also in a mount namespace in which its path cannot be walked to.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_HERE = -100
_CLONE, _CLOSE_ON_EXEC = 1, os.O_CLOEXEC
_FROM_DESCRIPTOR, _EMPTY_PATH = 4, 0x1000
_OTHER_OWNERS = 0x100000
_RECURSIVE, _SLAVE, _DETACH = 1 << 14, 1 << 19, 2
_CLONE_FS, _CLONE_NEWNS = 0x200, 0x20000


class Mounting:
    """The calls; raises OSError."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def take(self, opened: int) -> int:
        """An opened file or folder as a mount that is nowhere, as a descriptor."""
        flags = _CLONE | _CLOSE_ON_EXEC | _EMPTY_PATH
        return self._checked(self._libc.syscall(_OPEN_TREE, opened, b"", flags))

    def show_as(self, mount: int, user_namespace: int) -> None:
        """Show the owners of files as a user namespace maps them, also of files to come."""
        attributes = struct.pack("QQQQ", _OTHER_OWNERS, 0, 0, user_namespace)
        arguments = (mount, b"", _EMPTY_PATH, attributes, len(attributes))
        self._checked(self._libc.syscall(_MOUNT_SETATTR, *arguments))

    def put(self, mount: int, target: Path) -> None:
        """Put a mount onto a file or folder of the thread's mount namespace."""
        name = os.fsencode(target)
        arguments = (mount, b"", _HERE, name, _FROM_DESCRIPTOR)
        self._checked(self._libc.syscall(_MOVE_MOUNT, *arguments), target)

    def remove(self, target: Path) -> None:
        """Remove what was put there; who uses it keeps it."""
        self._checked(self._libc.umount2(os.fsencode(target), _DETACH), target)

    def own_namespace(self, empty: Path) -> int:
        """Give the thread a mount namespace with an empty folder at a path, as a descriptor."""
        libc = self._libc
        self._checked(libc.unshare(_CLONE_FS | _CLONE_NEWNS))
        self._checked(libc.mount(b"none", b"/", None, _RECURSIVE | _SLAVE, None))
        self._checked(libc.mount(b"tmpfs", os.fsencode(empty), b"tmpfs", 0, b"mode=755"), empty)
        return os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    @staticmethod
    def _checked(result: int, path: Path | None = None) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path) if path else None)
        return result
