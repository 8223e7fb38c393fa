"""Runs a command in a container: `enter.py PID USER CAPABILITIES FILTER FOLDER COMMAND…`.

The command is run as a user and groups (`user:group:…`, or `-` for the only one that there is). It
gets the capabilities of the container (a hexadecimal mask), never those of whoever runs this, and
no way to gain others; and its filter of system calls (base64, or `-` for none).
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import os
import signal
import sys
import termios

# `os.execvp` loads it when it is called: in the container, which has no modules of Python.
import warnings  # noqa: F401

_KINDS = ("net", "ipc", "uts", "pid", "mnt", "user")
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS = 4, 8
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION = 0x20080522


def main() -> None:
    """Enter, then become the parent of the command; answer as it does."""
    libc = ctypes.CDLL(None, use_errno=True)
    pid, identity, mask, allowed, folder, *words = sys.argv[1:]
    # Nobody in the container may look into a program that comes from outside.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    has_terminal = os.isatty(0)
    if has_terminal:
        # Out of our parent's session; that of the terminal is led by the command.
        os.setsid()
    enter(libc, pid)
    child = os.fork()
    if not child:
        if has_terminal:
            control_terminal()
        bound(libc, int(mask, 16))
        become(libc, identity)
        restrict(libc, int(mask, 16))
        if allowed != "-":
            install(libc, base64.b64decode(allowed))
        run(folder, words)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def enter(libc: ctypes.CDLL, pid: str) -> None:
    """Join the namespaces of a process, as far as they are not ours already."""
    found = []
    for kind in _KINDS:
        theirs = f"/proc/{pid}/ns/{kind}"
        if os.readlink(theirs) != os.readlink(f"/proc/self/ns/{kind}"):
            found.append(os.open(theirs, os.O_RDONLY))
    for descriptor in found:
        if libc.setns(descriptor, 0):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        os.close(descriptor)


def control_terminal() -> None:
    """Lead a session on standard input, all of whose processes are seen in the container."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def bound(libc: ctypes.CDLL, mask: int) -> None:
    """Let no program gain a capability that is not in a mask."""
    for number in range(_LAST_CAPABILITY + 1):
        if not mask >> number & 1:
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)


def become(libc: ctypes.CDLL, identity: str) -> None:
    """Become the user of the container; die with the parent."""
    if identity != "-":
        user, group, *groups = map(int, identity.split(":"))
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups(groups)
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    # The kernel forgets this wish of whoever becomes somebody else.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def restrict(libc: ctypes.CDLL, mask: int) -> None:
    """Keep only the capabilities of a mask."""
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    if libc.capset(header, data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install(libc: ctypes.CDLL, filter_: bytes) -> None:
    """Refuse the system calls that a filter refuses, from now on."""
    program = _Program(len(filter_) // 8, filter_)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def run(folder: str, words: list[str]) -> None:
    """Become the command."""
    try:
        os.chdir(folder)
        os.execvp(words[0], words)
    except OSError as error:
        os.write(2, f'exec: "{words[0]}": {error.strerror}\n'.encode())
        os._exit(126 if isinstance(error, PermissionError) else 127)


if __name__ == "__main__":
    main()
