"""What the programs of server wheels need: real paths, the pod's address, a user that is not root.

They are not Python, so nothing maps paths or addresses for them; they are told the real ones.
"""

import importlib.metadata
import os
import sys

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
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


def leave_root():
    """See this process's user as `nobody`; some servers refuse to run as root.

    The files stay those of the user who started the process, so nothing has to change owners.
    """
    if os.geteuid() != 0:
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    group, owner = os.getegid(), os.geteuid()
    if libc.unshare(_CLONE_NEWUSER):
        reason = os.strerror(ctypes.get_errno())
        sys.exit(
            f"cannot become another user than root: {reason}; "
            "run the container as one: securityContext.runAsUser"
        )
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} {owner} 1")
    _write("/proc/self/gid_map", f"{_NOBODY} {group} 1")
    # The kernel forgets this tie when the credentials change.
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _write(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
