"""Sockets in the network from which pods are reached, for whoever is in another one.

A socket can only be opened by a thread that is in its network. Some lie ready, so that a
connection need not wait for one.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from choreo_local.embedded.network.isolated.namespaces import listening

_CLONE_NEWNET = 0x40000000
_READY, _FEW = 64, 16


class HomeSockets:
    """Implements `dialing.Dialing` for the addresses of pods.

    Args:
        namespace: descriptor of the network from which pods are reached.
        pods: their addresses.
    """

    def __init__(self, namespace: int, pods: IPv4Network) -> None:
        self._pods = pods
        self._ready: deque[socket.socket] = deque()
        self._is_closed = self._is_filling = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="home-sockets")
        self._thread.submit(_enter, namespace).result()

    def socket_for(
        self, address: str, kind: socket.SocketKind = socket.SOCK_STREAM
    ) -> socket.socket | None:
        """A socket that reaches a pod; None for any other address."""
        with contextlib.suppress(ValueError):
            if IPv4Address(address) in self._pods:
                return self.take(kind)
        return None

    def take(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A fresh socket; OSError when this is closed."""
        if self._is_closed:
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        if kind != socket.SOCK_STREAM:
            return self._thread.submit(_fresh, kind).result()
        if len(self._ready) < _FEW and not self._is_filling:
            self._is_filling = True
            self._thread.submit(self._fill)
        with contextlib.suppress(IndexError):
            return self._ready.popleft()
        return self._thread.submit(_fresh, kind).result()

    def listen(self, address: str, port: int) -> socket.socket:
        """One that listens; OSError when the place is taken."""
        return self._thread.submit(listening, address, port, socket.SOCK_STREAM).result()

    def _fill(self) -> None:
        try:
            while len(self._ready) < _READY and not self._is_closed:
                self._ready.append(_fresh(socket.SOCK_STREAM))
        finally:
            self._is_filling = False

    def close(self) -> None:
        """End the thread, and close what was not needed."""
        self._is_closed = True
        self._thread.shutdown(wait=True)
        while self._ready:
            self._ready.pop().close()


@dataclass(frozen=True, slots=True)
class Home:
    """The network in which they are; `entrances.Abroad` by shape."""

    path: str
    resolver: str
    sockets: HomeSockets

    def take(self) -> socket.socket:
        """A socket in it."""
        return self.sockets.take()

    def listen(self, address: str, port: int) -> socket.socket:
        """A socket that listens in it."""
        return self.sockets.listen(address, port)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _fresh(kind: socket.SocketKind) -> socket.socket:
    found = socket.socket(socket.AF_INET, kind)
    found.setblocking(False)  # noqa: FBT003 - as in socket
    return found
