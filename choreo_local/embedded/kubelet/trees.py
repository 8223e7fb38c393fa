"""Removes folders that pods have written; these may be nested as deep as a pod likes.

`shutil.rmtree` recurses and keeps a file open for each level: it gives up on such a folder with a
RecursionError, or leaves it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from choreo_local import clock


def remove(folder: Path) -> None:
    """Remove all that may be removed."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir() and not folder.is_symlink():
        _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def remove_wholly(folder: Path) -> None:
    """Remove a folder; OSError when something of it stays."""
    remove(folder)
    if folder.exists():
        shutil.rmtree(folder)


def _flatten(folder: Path) -> None:
    """Make every folder below one its child: no path is longer than a name then."""
    left = [str(folder)]
    while left:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            # A list, because the folder changes meanwhile.
            below = [each for each in entries if each.is_dir(follow_symlinks=False)]
            left.extend(_raised(entry, folder) for entry in below)


def _raised(entry: os.DirEntry[str], folder: Path) -> str:
    if entry.path == str(folder / entry.name):
        return entry.path
    target = str(folder / f".{clock.new_uid()}")
    os.rename(entry.path, target)
    return target
