"""Installs a pod's view of the machine in this process, as far as the variables ask for it."""

from __future__ import annotations

import os

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def install() -> None:
    """Address and names of the pod, files of its mounts, and the tie to the parent's life."""
    if os.environ.get("CHOREO_PARENT_DEATH"):
        die_with_parent()
    if os.environ.get("CHOREO_MOUNTS"):
        __import__("choreo_pod_files").install()
    if os.environ.get("CHOREO_POD_ADDRESS") or os.environ.get("CHOREO_LISTENING"):
        __import__("choreo_pod_network").install()


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    # Only where the runtime found no tool that does this before Python starts: ctypes costs 5 ms.
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
