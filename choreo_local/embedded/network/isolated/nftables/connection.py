"""Sends changes of tables to the kernel, all or nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from choreo_local.embedded.network.isolated import netlink
from choreo_local.embedded.network.isolated.nftables import messages
from choreo_local.embedded.network.isolated.nftables.changes import Change
from choreo_local.errors import InternalError

_NETFILTER = 12
_SOL_NETLINK, _CAPPED_ERRORS, _EXPLAINED_ERRORS = 270, 10, 11
_SEND_BUFFER, _SEND_BUFFER_BEYOND_LIMIT = 7, 32
_MOST_BYTES = 1 << 26
_PIECE = 1 << 16
_TEXT = 1
_MOST_SHOWN = 300


class Connection:
    """The packet filter of one namespace; opened by a thread that is in it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        self._socket.setsockopt(_SOL_NETLINK, _CAPPED_ERRORS, 1)
        self._socket.setsockopt(_SOL_NETLINK, _EXPLAINED_ERRORS, 1)
        # A transaction is one datagram.
        self._socket.setsockopt(socket.SOL_SOCKET, _SEND_BUFFER, _MOST_BYTES)
        with contextlib.suppress(PermissionError):  # Within a user namespace.
            self._socket.setsockopt(socket.SOL_SOCKET, _SEND_BUFFER_BEYOND_LIMIT, _MOST_BYTES)
        self._socket.bind((0, 0))

    def close(self) -> None:
        """Close the socket; the tables stay."""
        self._socket.close()

    def commit(self, changes: Sequence[Change]) -> None:
        """Make changes, all at once; InternalError says what the kernel refused."""
        if not changes:
            return
        content, origins = messages.batch(changes)
        self._socket.send(content)
        is_done = False
        # The kernel has finished when `send` returns; all its answers wait.
        for sequence, number, reason in self._answers():
            if number:
                raise _refused(origins.get(sequence), number, reason)
            is_done = is_done or sequence in origins
        if not is_done:
            raise InternalError("cannot load the rules of the network: the kernel gave no answer")

    def _answers(self) -> Iterator[tuple[int, int, str]]:
        """Of each message that is answered: its number, the error, what the kernel says of it."""
        while True:
            try:
                piece = self._socket.recv(_PIECE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            yield from _parsed(piece)


def _parsed(piece: bytes) -> Iterator[tuple[int, int, str]]:
    start = 0
    while start + 16 <= len(piece):
        length, type_, *_ = netlink.HEADER.unpack_from(piece, start)
        if type_ == netlink.ERROR:
            (number,) = struct.unpack_from("=i", piece, start + 16)
            (sequence,) = struct.unpack_from("=I", piece, start + 28)
            yield sequence, -number, _explanation(piece[start + 36 : start + length])
        start += (length + 3) & ~3


def _explanation(attributes: bytes) -> str:
    start = 0
    while start + 4 <= len(attributes):
        length, type_ = struct.unpack_from("=HH", attributes, start)
        if type_ & 0x3FFF == _TEXT:
            return attributes[start + 4 : start + length].rstrip(b"\0").decode(errors="replace")
        start += max(4, (length + 3) & ~3)
    return ""


def _refused(change: Change | None, number: int, reason: str) -> InternalError:
    told = os.strerror(number) + (f" ({reason})" if reason else "")
    what = f'"{change.text[:_MOST_SHOWN]}"' if change else "the changes"
    return InternalError(f"cannot load the rules of the network: the kernel refused {what}: {told}")
