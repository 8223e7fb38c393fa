"""Paths inside a tree that strangers filled: symbolic links are followed as if it were the root.

The trees belong to us alone while they are made, so looking and then acting is safe.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from choreo_local.images.failures import InvalidContent
from choreo_local.images.folders import remove_tree

_MOST_LINKS = 40
_DEEPEST = 200
_LONGEST = 4096


def parts(name: str) -> list[str]:
    """The components of a name in an archive; InvalidContent when it leads out of the tree."""
    found = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in found or "\0" in name:
        raise InvalidContent(f"layer has an entry that leads out of the image: {name[:200]!r}")
    if len(found) > _DEEPEST or len(name) > _LONGEST:
        raise InvalidContent(f"layer has an entry with too long a name: {name[:200]!r}")
    return found


def resolve(root: Path, names: list[str]) -> Path:
    """The place that a path means inside a tree, all links followed; it need not exist."""
    waiting, found, links = list(reversed(names)), list[str](), 0
    while waiting:
        name = waiting.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            del found[-1:]
            continue
        target = _link(root.joinpath(*found, name))
        if target is None:
            found.append(name)
            continue
        links += 1
        if links > _MOST_LINKS or len(waiting) > _DEEPEST * 2:
            raise InvalidContent(f"layer has too many links at {'/'.join(names)[:200]!r}")
        if target.startswith("/"):
            found = []
        waiting.extend(reversed(target.split("/")))
    return root.joinpath(*found)


def _link(path: Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def place(root: Path, names: list[str]) -> Path:
    """Where an entry goes: its folder with links followed, its own name not."""
    return resolve(root, names[:-1]) / names[-1]


def kind(path: Path) -> int:
    """The type bits of what is there; 0 when nothing is."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return 0


def is_folder(path: Path) -> bool:
    """Whether it is a folder, and not a link to one."""
    return kind(path) == stat.S_IFDIR


def remove(path: Path) -> None:
    """Remove whatever is there."""
    found = kind(path)
    if found == stat.S_IFDIR:
        remove_tree(path)
    elif found:
        path.unlink()
