"""A user namespace of this process's own: the rights of an administrator over what is made in it.

Without root, networks of pods are made in one. The process stays in the network of this machine,
over which it has no rights, so that what needs them is done in networks that it makes.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_NS_GET_USERNS = 0xB701
_SELF = Path("/proc/self")
# What keeps users without rights from making any: setting and value.
_SETTINGS = (
    ("user.max_user_namespaces", "0"),
    ("kernel.unprivileged_userns_clone", "0"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
)


def enter() -> None:
    """Become the administrator of a new one; OSError where that is forbidden.

    Only possible while the process has one thread.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    # Whoever has no rights over groups may only give up the right to change them.
    (_SELF / "setgroups").write_text("deny", encoding="ascii")
    (_SELF / "uid_map").write_text(f"0 {user} 1", encoding="ascii")
    (_SELF / "gid_map").write_text(f"0 {group} 1", encoding="ascii")


def has_one_thread() -> bool:
    """Whether this process can enter one."""
    return len(os.listdir(_SELF / "task")) == 1


def obstacle(error: OSError) -> str:
    """Why there is none, and which setting of the machine may be the reason."""
    forbidding = [name for name, value in _SETTINGS if _is(name, value)]
    hint = f" (the setting {forbidding[0]} forbids it)" if forbidding else ""
    return f"cannot make a user namespace: {error.strerror}{hint}"


def _is(setting: str, value: str) -> bool:
    try:
        found = Path("/proc/sys", setting.replace(".", "/")).read_text(encoding="ascii")
    except OSError:
        return False
    return found.strip() == value


def owns_network() -> bool:
    """Whether the network of this process belongs to its user namespace or to one below."""
    network = os.open(_SELF / "ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.close(fcntl.ioctl(network, _NS_GET_USERNS))
    except PermissionError:
        return False
    finally:
        os.close(network)
    return True
