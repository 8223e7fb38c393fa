"""The backend on SQLite: what survives, and what is refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Row, Store
from choreo_local.errors import InternalError, RefusedError

_WRITER = """
import sys
from pathlib import Path
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store
store = Store(SqliteBackend(Path(sys.argv[1])))
number = 0
while number < int(sys.argv[2]):
    number += 1
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": f"n{number}"}}
    store.put("configmaps", f"n{number}", obj)
    if number % 3 == 0:
        store.remove("configmaps", f"n{number}", obj)
    print(number, store.revision, flush=True)
sys.stdin.read()
"""
_ENDLESS = "1000000000"
# Few enough that the write-ahead log is not folded into the file, which starts it anew.
_FEW = 60


def obj(name: str) -> dict[str, object]:
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"a": "b"}},
    }


def test_objects_and_the_revision_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store(SqliteBackend(path))
    store.put("configmaps", "a", obj("a"))
    store.put("configmaps", "b", obj("b"))
    store.remove("configmaps", "b", obj("b"))
    revision = store.revision
    store.close()

    again = Store(SqliteBackend(path))

    assert again.revision == revision
    assert [item.key for item in again.select("configmaps")] == ["a"]
    assert again.select("configmaps")[0].labels == {"a": "b"}
    assert again.log("configmaps").horizon == revision
    again.close()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), _ENDLESS], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    last_number, last_revision = (int(part) for part in acknowledged[-1])

    store = Store(SqliteBackend(path))

    kept = {item.key for item in store.select("configmaps")}
    expected = {f"n{number}" for number in range(1, last_number + 1) if number % 3}
    assert expected <= kept
    assert store.revision >= last_revision
    store.close()


@pytest.mark.parametrize("damage", ["torn", "overwritten"])
def test_only_the_write_whose_last_page_is_damaged_is_lost(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(_FEW)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        for _ in range(_FEW):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    log = tmp_path / "state.db-wal"
    page = _page_size(path)
    frames, rest = divmod(log.stat().st_size - _WAL_HEADER, page + _FRAME_HEADER)
    assert frames > _FEW
    before = _kept(path, tmp_path / "whole")
    with log.open("r+b") as file:
        if damage == "torn":
            file.truncate(log.stat().st_size - rest - page // 2)
        else:
            file.seek(log.stat().st_size - rest - page // 2)
            file.write(b"\xff" * 64)

    store = Store(SqliteBackend(path))

    kept = {(item.key, item.revision) for item in store.select("configmaps")}
    assert len(before ^ kept) == 1
    revision = store.revision
    store.put("configmaps", "next", obj("next"))
    assert store.revision == revision + 1
    store.close()
    assert _kept(path, tmp_path / "again") == kept | {("next", revision + 1)}


_WAL_HEADER = 32
_FRAME_HEADER = 24


def _page_size(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[16:18], "big")


def _kept(path: Path, folder: Path) -> set[tuple[str, int]]:
    """What a copy of a database holds, so that looking changes nothing."""
    folder.mkdir()
    for file in path.parent.glob("state.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    store = Store(SqliteBackend(folder / path.name))
    found = {(item.key, item.revision) for item in store.select("configmaps")}
    store.close()
    return found


def test_a_second_process_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = SqliteBackend(path)

    with pytest.raises(RefusedError, match="cannot open the state"):
        SqliteBackend(path)
    first.close()


def test_a_newer_format_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    SqliteBackend(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(RefusedError, match="newer release"):
        SqliteBackend(path)


def test_a_file_that_is_no_database_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("hello" * 1000, encoding="utf-8")

    with pytest.raises(RefusedError, match="not a database"):
        SqliteBackend(path)


def test_a_copy_can_be_taken_while_in_use(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "state.db")
    backend.put(Row("configmaps", "a", 7, b"{}"))

    backend.back_up(tmp_path / "copy.db")

    backend.put(Row("configmaps", "b", 8, b"{}"))
    copy = SqliteBackend(tmp_path / "copy.db")
    assert [row.key for row in copy.load()] == ["a"]
    copy.close()
    backend.close()


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "state.db")
    store = Store(backend)
    store.put("configmaps", "a", obj("a"))
    revision = store.revision
    backend.close()

    with pytest.raises(InternalError, match="cannot write to the state"):
        store.put("configmaps", "b", obj("b"))

    assert store.revision == revision
    assert store.get("configmaps", "b") is None


def test_a_copy_taken_while_others_write_is_whole(tmp_path: Path) -> None:
    store = Store(SqliteBackend(tmp_path / "state.db"))
    for number in range(3000):
        store.put("configmaps", f"n{number}", {**obj(f"n{number}"), "data": {"k": "x" * 2000}})
    copying = threading.Thread(target=store.back_up, args=(tmp_path / "copy.db",))
    copying.start()
    written = 0
    while copying.is_alive():
        written += 1
        store.put("configmaps", f"n{written}", obj(f"n{written}"))
        if written % 50 == 0:
            store.remove("configmaps", f"n{written}", obj(f"n{written}"))
    copying.join()
    store.close()

    copy = Store(SqliteBackend(tmp_path / "copy.db"))
    kept = {item.key: item.revision for item in copy.select("configmaps")}
    assert 3000 <= copy.revision <= 3001 + written + written // 50
    # Of the writes before the copy's revision all are in it, of those after it none.
    assert max(kept.values()) <= copy.revision
    assert {f"n{number}" for number in range(written + 2, 3000)} <= kept.keys()
    copy.close()
