"""Runs a program in another network with ports of the network that we are in.

`handing.py PARENT NETWORK CHANNEL PROGRAM…` becomes the program, which ends with PARENT and keeps
no rights over the networks that its user has. From then on the kernel asks whoever has the other
end of CHANNEL, a socket, about each place that the program binds a socket to. Where the kernel
cannot do so, the channel is closed, and the program is run all the same. Started by `launcher`,
answered by `portkeeper`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import socket
import struct
import sys

# Processor → its name for filters, its numbers of the calls `seccomp` and `bind`.
PROCESSORS = {"x86_64": (0xC000003E, 317, 49), "aarch64": (0xC00000B7, 277, 200)}
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_LAST_CAPABILITY = 63
_SET_FILTER, _NEW_LISTENER, _KEEP_SPECULATION = 1, 1 << 3, 1 << 2
_LOAD, _UNLESS_EQUAL_SKIP, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_NUMBER, _ARCHITECTURE = 0, 4


def main() -> None:
    """Enter, hand over the kernel's questions, become the program."""
    parent, network, channel, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)
    if libc.setns(os.open(network, os.O_RDONLY | os.O_CLOEXEC), _CLONE_NEWNET):
        sys.exit("cannot enter the network: " + os.strerror(ctypes.get_errno()))
    with socket.socket(fileno=int(channel)) as other:
        questions = _filtered(libc)
        if questions >= 0:
            socket.send_fds(other, [b"q"], [questions])
            os.close(questions)
    for number in range(_LAST_CAPABILITY + 1):
        libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    os.execv(command[0], command)


def _filtered(libc: ctypes.CDLL) -> int:
    """A descriptor with the kernel's questions; -1 when there will be none."""
    if platform.machine() not in PROCESSORS:
        return -1
    architecture, seccomp, bind = PROCESSORS[platform.machine()]
    code = b"".join(
        struct.pack("HBBI", *each)
        for each in (
            (_LOAD, 0, 0, _ARCHITECTURE),
            (_UNLESS_EQUAL_SKIP, 0, 3, architecture),
            (_LOAD, 0, 0, _NUMBER),
            (_UNLESS_EQUAL_SKIP, 0, 1, bind),
            (_RETURN, 0, 0, _ASK),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    content = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(content))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    flags = _NEW_LISTENER | _KEEP_SPECULATION
    return int(libc.syscall(seccomp, _SET_FILTER, flags, program))


if __name__ == "__main__":
    main()
