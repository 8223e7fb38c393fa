"""Write an export: whole or not at all, and never over something that is no export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from choreo_local.errors import ChoreoError, RefusedError
from choreo_local.export import index
from choreo_local.export.state import File


def write(folder: Path, files: Iterable[File], *, force: bool) -> None:
    """Write files into a folder, which is made.

    Raises:
        RefusedError: there is something already; an earlier export is replaced with `force`.
        ChoreoError: it cannot be written.
    """
    folder = folder.resolve()
    try:
        check(folder, force=force)
        beside = folder.with_name(f".{folder.name}.{os.getpid()}")
        before = folder.with_name(f".{folder.name}.{os.getpid()}.before")
        try:
            _fill(beside, files)
            if folder.exists():
                folder.rename(before)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            if before.exists() and not folder.exists():
                before.rename(folder)
            shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise ChoreoError(
            f"cannot write {folder}: {error.strerror or error}", remedy="Name another folder"
        ) from error


def replace(folder: Path, contents: Mapping[str, str]) -> None:
    """Replace the content of files that are there: path → content."""
    for name, content in contents.items():
        path = folder / name
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(content, encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise ChoreoError(f"cannot write {path}: {error.strerror}") from error


def check(folder: Path, *, force: bool) -> None:
    """RefusedError unless an export may be written there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RefusedError(f"{folder} is no folder", remedy="Name another one")
    if not any(folder.iterdir()):
        return
    if not (folder / index.NAME).is_file():
        raise RefusedError(
            f"{folder} holds something that is no export", remedy="Name an empty or a new folder"
        )
    if not force:
        raise RefusedError(
            f"{folder} holds an export already", remedy="Replace it with --force, or name another"
        )


def _fill(folder: Path, files: Iterable[File]) -> None:
    folder.mkdir(parents=True)
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if file.private else 0o644
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(file.content)
