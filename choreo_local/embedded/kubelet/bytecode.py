"""Byte code of host images whose folders their containers cannot write to."""

from __future__ import annotations

import functools
import os
import py_compile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

from choreo_local.embedded.kubelet.hostimages import HostImage


def prepare(image: HostImage) -> None:
    """Compile the modules of an image, once, where it lies."""
    folders = (image.folder, *image.module_path)
    _prepare(tuple(folder for folder in folders if os.access(folder, os.W_OK)), image.digest)


@functools.lru_cache(maxsize=256)
def _prepare(folders: tuple[Path, ...], digest: str) -> None:
    del digest  # Only tells one content of the folders from another.
    for path in _stale(folders):
        # What cannot be compiled tells so itself when it runs.
        py_compile.compile(str(path), quiet=2)


def _stale(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            compiled = Path(cache_from_source(str(path)))
            if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
                yield path
