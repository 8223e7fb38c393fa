"""Snapshots of a stopped instance, and how they are restored."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.allinone import snapshots
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Row
from choreo_local.errors import PreflightError, RefusedError
from choreo_local.paths import InstancePaths


def put(paths: InstancePaths, key: str) -> None:
    instances.ensure_folder(paths)
    backend = SqliteBackend(paths.database)
    backend.put(Row("configmaps", key, 5, b"{}"))
    backend.close()


def keys(paths: InstancePaths) -> list[str]:
    backend = SqliteBackend(paths.database)
    try:
        return [row.key for row in backend.load()]
    finally:
        backend.close()


def test_what_was_saved_is_restored(tmp_path: Path) -> None:
    paths = InstancePaths.of("default", tmp_path)
    put(paths, "before")
    file = tmp_path / "snapshot"

    snapshots.save_stopped(paths, file)
    put(paths, "after")
    snapshots.restore(paths, file)

    assert keys(paths) == ["before"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))


def test_a_snapshot_starts_an_instance_that_was_not_there(tmp_path: Path) -> None:
    source = InstancePaths.of("one", tmp_path)
    put(source, "moved")
    snapshots.save_stopped(source, tmp_path / "snapshot")
    target = InstancePaths.of("two", tmp_path)

    snapshots.restore(target, tmp_path / "snapshot")

    assert keys(target) == ["moved"]


def test_another_file_is_refused_and_the_state_stays(tmp_path: Path) -> None:
    paths = InstancePaths.of("default", tmp_path)
    put(paths, "kept")
    file = tmp_path / "notes.txt"
    file.write_text("no database" * 1000, encoding="utf-8")

    with pytest.raises(RefusedError, match=r"cannot restore .*notes\.txt"):
        snapshots.restore(paths, file)

    assert keys(paths) == ["kept"]


def test_a_running_instance_is_not_restored(tmp_path: Path) -> None:
    paths = InstancePaths.of("default", tmp_path)
    put(paths, "kept")
    snapshots.save_stopped(paths, tmp_path / "snapshot")

    with instances.locked(paths), pytest.raises(RefusedError, match="another process runs it"):
        snapshots.restore(paths, tmp_path / "snapshot")


def test_without_state_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="has no state"):
        snapshots.save_stopped(InstancePaths.of("default", tmp_path), tmp_path / "snapshot")
