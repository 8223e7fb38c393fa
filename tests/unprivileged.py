"""Runs a command as a user without rights; needs root.

Where the interpreter or the project lies in a folder that only root may enter, the command sees
them through mounts of its own; this machine's folders stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

# Nobody's, and outside the ranges that distributions give to people and to their containers.
UID = 12345
_PROJECT = Path(__file__).resolve().parents[1]
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_PR_SET_DUMPABLE = 4
_ALLOWED, _FORBIDDEN = "allowed", "forbidden"
_MS_BIND, _MS_REC, _MS_PRIVATE, _MS_MOVE = 4096, 16384, 1 << 18, 8192


def command(*words: str, may_make_namespaces: bool = True) -> list[str]:
    """The command that runs another one as that user."""
    namespaces = _ALLOWED if may_make_namespaces else _FORBIDDEN
    return [sys.executable, str(Path(__file__).resolve()), namespaces, *words]


def lacking() -> str:
    """Why commands cannot be run as that user here; empty when they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root can become another user"
    done = subprocess.run(
        command(sys.executable, "-c", "import choreo_local"),
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    return f"another user cannot run this Python: {done.stderr.strip()}" if done.returncode else ""


def _main() -> None:
    _show([Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute(), _PROJECT])
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    namespaces, *words = sys.argv[1:]
    if namespaces == _FORBIDDEN:
        _forbid_user_namespaces()
    os.execvp(words[0], words)


def _forbid_user_namespaces() -> None:
    """Enter the last one. How many there may be below is a setting of each."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Whoever was root a moment ago may not be looked at, not even by themselves.
    _check(libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))
    _check(libc.unshare(_CLONE_NEWUSER))
    for name, text in {
        "self/setgroups": "deny",
        "self/uid_map": f"{UID} {UID} 1",
        "self/gid_map": f"{UID} {UID} 1",
        "sys/user/max_user_namespaces": "0",
    }.items():
        Path("/proc", name).write_text(text, encoding="ascii")


def _show(needed: list[Path]) -> None:
    """Let everybody reach some folders, in a mount namespace of our own."""
    closed = {each: found for each in needed if (found := _closed(each))}
    if not closed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS))
    _mount(libc, "none", "/", _MS_REC | _MS_PRIVATE)
    held = {each: Path(tempfile.mkdtemp(prefix="choreo-shown-")) for each in closed}
    for folder, place in held.items():
        _mount(libc, str(folder), str(place), _MS_BIND | _MS_REC)
    for folder in set(closed.values()):
        _check(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"mode=0755"))
    for folder, place in held.items():
        folder.mkdir(parents=True, exist_ok=True)
        _mount(libc, str(place), str(folder), _MS_MOVE)
        place.rmdir()


def _closed(folder: Path) -> Path | None:
    """The outermost folder on the way that others may not enter."""
    for each in [*reversed(folder.parents), folder]:
        if not each.stat().st_mode & stat.S_IXOTH:
            return each
    return None


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int) -> None:
    _check(libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    _main()
