"""How many processes a container may have, where there are no control groups.

Since Linux 5.14 the limit of a user's processes counts in each user namespace by itself, and
bounds what a namespace adds to the one above. A container therefore gets a namespace above its own
that nobody else is in.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

_OLDEST = (5, 14)
_PROGRAMS = ("unshare", "prlimit")


@dataclass(frozen=True, slots=True)
class ProcessLimit:
    """A limit, or why there is none.

    Attributes:
        enter: a command prefix; empty where there is an obstacle.
    """

    enter: Sequence[str] = ()
    obstacle: str = ""


NO_LIMIT = ProcessLimit()


def find(most: int, *, path: str) -> ProcessLimit:
    """For a process that is not root of the machine; `path` is where programs are looked for."""
    if _version(platform.release()) < _OLDEST:
        return ProcessLimit(obstacle=f"Linux {platform.release()} counts all processes of a user")
    found = {name: shutil.which(name, path=path) for name in _PROGRAMS}
    if missing := [name for name, program in found.items() if program is None]:
        return ProcessLimit(obstacle=f"this machine lacks {missing[0]} (package util-linux)")
    unshare, prlimit = (str(found[name]) for name in _PROGRAMS)
    return ProcessLimit((unshare, "--user", "--map-root-user", prlimit, f"--nproc={most}"))


def _version(release: str) -> tuple[int, ...]:
    numbers = re.match(r"(\d+)\.(\d+)", release)
    return tuple(int(each) for each in numbers.groups()) if numbers else ()
