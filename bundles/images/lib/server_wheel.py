"""What the programs of server wheels need: real paths, the pod's address, a user that is not root.

They are not Python, so nothing maps paths or addresses for them; they are told the real ones.
"""

import importlib.metadata
import os
import pwd
import sys

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_SYS_ADMIN = 21
# The one user besides root that every Linux has by the same number.
_NOBODY = 65534


def address(everywhere):
    """Where a server listens: the pod's address, or `everywhere` in a network of its own."""
    return os.environ.get("CHOREO_POD_ADDRESS") or everywhere


def real(path):
    """Where a path of the container lies on this machine."""
    root = os.environ.get("CHOREO_ROOT")
    return os.path.realpath(root + os.path.normpath(path)) if root else path


def executable(distribution, name):
    """An executable file that an installed package brought."""
    try:
        files = importlib.metadata.distribution(distribution).files or ()
    except importlib.metadata.PackageNotFoundError:
        sys.exit(f"cannot run {name}: the Python package {distribution} is not installed")
    for file in files:
        if file.name == name:
            found = os.path.realpath(file.locate())
            if os.access(found, os.X_OK):
                return found
    sys.exit(f"cannot run {name}: it is not in the Python package {distribution}")


def leave_root(folder):
    """Become another user, who owns `folder`; some servers refuse to run as root.

    Neither do they run as somebody whom the machine does not know by name.
    """
    if os.geteuid() != 0 and _has_name():
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if os.geteuid() != 0 or _is_administrator():
            _own(folder, os.geteuid())
            _look_like_nobody(libc)
        else:
            _own(folder, _NOBODY)
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    except OSError as error:
        sys.exit(
            f"cannot become another user than number {os.geteuid()}: {error.strerror}; "
            "run the container as one: securityContext.runAsUser"
        )
    # The kernel forgets this tie when the credentials change.
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _has_name():
    try:
        return bool(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return False


def _is_administrator():
    """Whether this is a plain process of a machine's root; in a container root may do less."""
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(line for line in file if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _SYS_ADMIN & 1)


def _look_like_nobody(libc):
    """See this user as `nobody`: another one might not reach the folders of the instance."""
    import ctypes

    group, owner = os.getegid(), os.geteuid()
    if libc.unshare(_CLONE_NEWUSER):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} {owner} 1")
    _write("/proc/self/gid_map", f"{_NOBODY} {group} 1")


def _own(folder, user):
    """Give a folder and all in it to a user, unless it is theirs already."""
    os.makedirs(folder, exist_ok=True)
    if os.stat(folder).st_uid == user:
        return
    for place, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.lchown(os.path.join(place, name), user, user)
    # Last, because it tells that everything below has been given.
    os.chown(folder, user, user)


def _write(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
