"""Read the objects of a repository's files, and write files into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from choreo_local.apimachinery import yamltext
from choreo_local.errors import ApiError, ChoreoError, UsageError
from choreo_local.gitops.index import Entry, Index, Manifest, is_object

_SKIPPED = frozenset({"node_modules", "vendor", "target", "build", "dist"})
_ENDINGS = (".yaml", ".yml")
_LARGEST_BYTES = 4 * 1024 * 1024


def scan(root: Path) -> Index:
    """All objects below `root`; files that hold none, or cannot be read, do not count.

    Raises UsageError when there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(
            f"failed to build index: failed to scan repository: repo path does not exist: {root}",
            remedy="Name the root of the repository: --root-dir DIRECTORY",
        )
    return Index(_entries(root))


def read(path: Path) -> list[Any]:
    """The documents of a file."""
    if path.stat().st_size > _LARGEST_BYTES:
        raise UsageError(f"{path} is larger than {_LARGEST_BYTES // 2**20} MiB")
    return yamltext.load_all(path.read_text(encoding="utf-8"))


def text(manifest: Manifest) -> str:
    """A manifest as it is written: keys sorted, texts of several lines as such."""
    return yamltext.dump(manifest)


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest whole or not at all, making the folders that are missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text(manifest), encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(path)
    except OSError as error:
        raise ChoreoError(f"cannot write {path}: {error.strerror}") from error


def _entries(root: Path) -> Iterator[Entry]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in _SKIPPED
        )
        for name in sorted(files):
            if name.lower().endswith(_ENDINGS):
                path = Path(folder) / name
                place = PurePosixPath(path.relative_to(root).as_posix())
                yield from (Entry(place, document) for document in _objects(path))


def _objects(path: Path) -> list[Manifest]:
    try:
        return [document for document in read(path) if is_object(document)]
    except (OSError, ValueError, ApiError, UsageError):
        return []
