"""Where this process may make control groups: at the root of a hierarchy, or where it is itself.

Version 2 allows processes in a group or controllers for the groups below, not both. A group that a
service manager has given away (`systemd-run --user --scope -p Delegate=yes`) is ours to arrange;
the processes in it make room. Nobody else's are touched.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("cpu", "memory", "pids")
_MOUNTS, _OWN = Path("/proc/self/mounts"), Path("/proc/self/cgroup")
_LEAF = "platform"
_DELEGATED = ("user.delegate", "trusted.delegate")


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where groups are made: controller → folder; the same folder for all in version 2.

    Attributes:
        is_given: whether the folders are not the roots, but groups that were given to us.
    """

    folders: Mapping[str, Path]
    is_unified: bool
    is_given: bool = False

    @property
    def distinct(self) -> list[Path]:
        """The folders, each once."""
        return list(dict.fromkeys(self.folders.values()))


def parse(mounts: str) -> list[tuple[Path, bool, set[str]]]:
    """The hierarchies of a text like `/proc/mounts`: folder, whether version 2, options."""
    found = []
    for line in mounts.splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            found.append((Path(folder), kind == "cgroup2", set(options.split(","))))
    return found


def own_paths(text: str) -> dict[str, str]:
    """Controller → path below its hierarchy, of a text like `/proc/self/cgroup`; "" is version 2.

    The root is left out.
    """
    lines = [line.split(":", 2) for line in text.splitlines()]
    return {
        name: path.lstrip("/")
        for _, names, path in lines
        for name in names.split(",")
        if path != "/"
    }


def candidates() -> Iterator[Hierarchies]:
    """Where groups might be made, best first."""
    mounts = parse(_MOUNTS.read_text(encoding="utf-8")) if _MOUNTS.exists() else []
    own = own_paths(_OWN.read_text(encoding="utf-8")) if _OWN.exists() else {}
    unified = [folder for folder, is_unified, _ in mounts if is_unified]
    separate = {
        controller: folder
        for folder, is_unified, options in mounts
        for controller in CONTROLLERS
        if not is_unified and controller in options
    }
    for folder in unified:
        yield from _with_all(folder)
    if len(separate) == len(CONTROLLERS):
        yield Hierarchies(separate, is_unified=False)
    if "" in own:
        for folder in unified:
            yield from _with_all(folder / own[""], is_given=True)
    if len(separate) == len(CONTROLLERS) and own.keys() >= separate.keys():
        folders = {controller: folder / own[controller] for controller, folder in separate.items()}
        yield Hierarchies(folders, is_unified=False, is_given=True)


def places() -> set[Path]:
    """Every folder in which this process, or one before it in the same group, may have made any."""
    mounts = parse(_MOUNTS.read_text(encoding="utf-8")) if _MOUNTS.exists() else []
    roots = {folder for folder, _, _ in mounts}
    return roots | {path for found in candidates() for path in found.distinct}


def _with_all(folder: Path, *, is_given: bool = False) -> Iterator[Hierarchies]:
    """A folder of version 2, if it has all controllers."""
    with contextlib.suppress(OSError):
        controllers = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
        if set(CONTROLLERS) <= set(controllers):
            folders = dict.fromkeys(CONTROLLERS, folder)
            yield Hierarchies(folders, is_unified=True, is_given=is_given)


def make_room(folder: Path, group: Path) -> None:
    """Move what is in a group that was given to us to a leaf below `group`.

    OSError where it was not, and others' processes may be in it.
    """
    if not any(_has_mark(folder, name) for name in _DELEGATED):
        raise PermissionError(
            0,
            "the group of this process is not given to it; start it with "
            "systemd-run --user --scope -p Delegate=yes choreo up",
        )
    leaf = group / _LEAF
    leaf.mkdir(exist_ok=True)
    for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(pid, encoding="ascii")


def _has_mark(folder: Path, name: str) -> bool:
    try:
        return os.getxattr(folder, name) == b"1"
    except OSError:
        return False
