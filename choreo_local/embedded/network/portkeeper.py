"""Gives a program that runs in another network its ports in the one of this process.

The kernel asks about each place that the program binds a socket to (`handing` arranged that). For
the places that we expect, we put a socket of ours in the place of the program's: what it accepts
then comes from here, without anybody in between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import select
import socket
import struct
import threading

from choreo_local.embedded.network.piping import Address

logger = logging.getLogger(__name__)

_RECEIVE, _SEND, _ADD = 0xC0502100, 0xC0182101, 0x40182103
# id, process, flags; call, architecture, place in the program, arguments
_QUESTION = struct.Struct("=QIIiIQ6Q")
_ANSWER, _GIFT = struct.Struct("=QqiI"), struct.Struct("=QIIII")
_GO_ON, _IN_PLACE_OF = 1, 1
_LONGEST_ADDRESS = 128


class PortKeeper:
    """Answers for one life of the program.

    Attributes:
        places: those that belong to this network; may be replaced at any time.
    """

    def __init__(self) -> None:
        self.places: frozenset[Address] = frozenset()
        self._own, self._theirs = socket.socketpair()

    @property
    def channel(self) -> int:
        """The descriptor that the program is started with."""
        return self._theirs.fileno()

    def begin(self) -> bool:
        """Wait for the program's beginning; whether the kernel asks us from now on."""
        self._theirs.close()
        with self._own:
            try:
                _, found, _, _ = socket.recv_fds(self._own, 1, 1)
            except OSError:
                return False
        if not found:
            return False
        threading.Thread(target=self._run, args=found, name="ports", daemon=True).start()
        return True

    def _run(self, questions: int) -> None:
        poll = select.poll()
        poll.register(questions, select.POLLIN)
        try:
            # It hangs up when the program has ended.
            while not poll.poll()[0][1] & (select.POLLHUP | select.POLLERR):
                # Who asked may have been ended meanwhile.
                with contextlib.suppress(FileNotFoundError, InterruptedError):
                    self._answer(questions)
        except OSError:
            logger.exception("Ports of Envoy are kept no more")
        finally:
            os.close(questions)

    def _answer(self, questions: int) -> None:
        buffer = bytearray(_QUESTION.size)
        fcntl.ioctl(questions, _RECEIVE, buffer)
        number, process, _, _, _, _, descriptor, where, length, *_ = _QUESTION.unpack(buffer)
        error, flags = 0, _GO_ON
        try:
            place = _place(process, where, length)
            if place in self.places:
                self._give(questions, number, descriptor, place)
                flags = 0
        except OSError as problem:
            error, flags = problem.errno or errno.EACCES, 0
        answer = bytearray(_ANSWER.pack(number, 0, -error, flags))
        fcntl.ioctl(questions, _SEND, answer)

    @staticmethod
    def _give(questions: int, number: int, descriptor: int, place: Address) -> None:
        """Put a bound socket in the place of the program's; OSError when the port is taken."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ours.bind(place)
            gift = _GIFT.pack(number, _IN_PLACE_OF, ours.fileno(), descriptor, os.O_CLOEXEC)
            fcntl.ioctl(questions, _ADD, bytearray(gift))


def _place(process: int, where: int, length: int) -> Address | None:
    """The address that a program passes to the kernel, if it is one of IPv4."""
    memory = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    try:
        raw = os.pread(memory, min(length, _LONGEST_ADDRESS), where)
    finally:
        os.close(memory)
    if len(raw) < 8 or int.from_bytes(raw[:2], "little") != socket.AF_INET:
        return None
    return socket.inet_ntoa(raw[4:8]), int.from_bytes(raw[2:4], "big")
