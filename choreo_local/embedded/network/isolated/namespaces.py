"""Network namespaces that live as long as this process holds their descriptors.

The namespace of a thread is its own business on Linux: one thread of ours visits namespaces to
open sockets in them. A socket stays in the namespace in which it was opened, so that everybody
else can use it from where they are.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"
_Answer = TypeVar("_Answer")


class Namespaces:
    """Makes network namespaces and works in them; needs the rights of an administrator.

    Args:
        has_home: whether the thread lives in a namespace of its own. It must where the one of this
            process belongs to others: a thread that left it could not come back.

    Attributes:
        home: that namespace as a descriptor; None when it is the one of this process.
    """

    def __init__(self, *, has_home: bool = False) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="namespaces")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.home = self.wait_for(self._settle) if has_home else None

    def _settle(self) -> int:
        self._check(self._libc.unshare(_CLONE_NEWNET))
        return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

    async def run(self, function: Callable[[], _Answer]) -> _Answer:
        """Run a function in the thread that may visit namespaces."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def wait_for(self, function: Callable[[], _Answer]) -> _Answer:
        """The same where there is no event loop."""
        return self._thread.submit(function).result()

    def create(self) -> int:
        """A new namespace, as a descriptor; only in the thread."""
        home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._check(self._libc.unshare(_CLONE_NEWNET))
            try:
                return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
            finally:
                self._enter(home)
        finally:
            os.close(home)

    def inside(self, namespace: int, function: Callable[[], _Answer]) -> _Answer:
        """Run a function in a namespace; only in the thread."""
        home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(namespace)
            try:
                return function()
            finally:
                self._enter(home)
        finally:
            os.close(home)

    def _enter(self, namespace: int) -> None:
        self._check(self._libc.setns(namespace, _CLONE_NEWNET))

    @staticmethod
    def _check(result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)
        if self.home is not None:
            os.close(self.home)
            self.home = None


def stream_socket() -> socket.socket:
    """A socket in the namespace of the thread."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setblocking(False)  # noqa: FBT003 - as in socket
    return found


def listening(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket that is bound, and listens where its kind can, in the namespace of the thread."""
    found = socket.socket(socket.AF_INET, kind)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
        if kind == socket.SOCK_STREAM:
            found.listen(512)
    except OSError:
        found.close()
        raise
    found.setblocking(False)  # noqa: FBT003 - as in socket
    return found


def switch_on(setting: str) -> None:
    """Set a switch of the network of the thread's namespace, e.g. `ipv4/ip_forward`."""
    change(setting, "1")


def change(setting: str, value: str) -> None:
    """Change a setting of the network of the thread's namespace."""
    Path("/proc/sys/net", setting).write_text(value, encoding="ascii")


def path_of(namespace: int) -> str:
    """A path by which programs that we start can enter a namespace."""
    return f"/proc/{os.getpid()}/fd/{namespace}"
