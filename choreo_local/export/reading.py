"""Read an export from its folder: bounded, and no further than the folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from choreo_local.errors import UsageError
from choreo_local.export import index

_MOST_FILES = 10_000
_LARGEST_BYTES = 256 * 1024 * 1024
_ALL_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a folder.

    Attributes:
        files: path → content.
        open_to_others: files that others than their owner may read.
        unread: path → why it was not read.
    """

    files: Mapping[str, str]
    open_to_others: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)


def read(folder: Path) -> Tree:
    """The files of an export; UsageError when the folder holds none."""
    if not (folder / index.NAME).is_file():
        raise UsageError(
            f"{folder} holds no export: there is no {index.NAME}",
            remedy="Name a folder of: choreo export split DIR",
        )
    files: dict[str, str] = {}
    unread: dict[str, str] = {}
    exposed = set()
    total = 0
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        facts = path.lstat()
        total += facts.st_size
        if len(files) + len(unread) >= _MOST_FILES or total > _ALL_BYTES:
            raise UsageError(f"{folder} holds too much to be an export")
        why = _obstacle(facts)
        if why:
            unread[name] = why
            continue
        try:
            files[name] = path.read_bytes().decode()
        except UnicodeDecodeError:
            unread[name] = "it is no UTF-8 text"
        except OSError as error:
            unread[name] = error.strerror or "it cannot be read"
        if facts.st_mode & 0o077:
            exposed.add(name)
    return Tree(files, frozenset(exposed), unread)


def _paths(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        # What belongs to version control is not part of the export.
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found += [Path(place) / name for name in sorted([*names, *links])]
        if len(found) > _MOST_FILES:
            break
    return found


def _obstacle(facts: os.stat_result) -> str:
    if not stat.S_ISREG(facts.st_mode):
        return "it is a link or no plain file"
    return "it is too large" if facts.st_size > _LARGEST_BYTES else ""
