"""The backend of an instance: SQLite in WAL mode, one autocommitted statement a write.

A write is in the write-ahead log, hence safe from the death of the process, when `put` returns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from choreo_local.embedded.storage.store import Row
from choreo_local.errors import InternalError, RefusedError

_SCHEMA_VERSION = 1
# Objects are a kilobyte or two, and rows larger than a quarter of a page spill over.
_PAGE_BYTES = 8192
# Folding the log into the file waits for the disk; at 32 MB that is every few thousand writes.
_CHECKPOINT_PAGES = 4096
# A backup holds writes up for one such step; the pause between lets them in.
_BACKUP_PAGES = 256
_BACKUP_PAUSE_SECONDS = 0.001
_PUT = (
    "INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT (resource, key)"
    " DO UPDATE SET revision = excluded.revision, value = excluded.value"
)
_SCHEMA = """
BEGIN;
CREATE TABLE objects (
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (resource, key)
) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('revision', 0);
PRAGMA user_version = 1;
COMMIT;
"""


class SqliteBackend:
    """Rows in a file; used from one thread at a time, by one process at a time.

    Args:
        path: the database file; made when absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._database = _open(path)
        except sqlite3.Error as error:
            raise RefusedError(
                f"cannot open the state in {path}: {error}",
                remedy="stop the process that uses it, or move the file away to start afresh",
            ) from error

    def load(self) -> Iterable[Row]:
        """All rows."""
        rows = self._database.execute("SELECT resource, key, revision, value FROM objects")
        return (Row(*row) for row in rows)

    def revision(self) -> int:
        """The highest revision ever written."""
        # Only removals write the counter: for all else the rows themselves tell.
        query = (
            "SELECT max((SELECT value FROM counters WHERE name = 'revision'),"
            " coalesce((SELECT max(revision) FROM objects), 0))"
        )
        return int(self._database.execute(query).fetchone()[0])

    def put(self, row: Row) -> None:
        """Write a row."""
        with _reported("write to"):
            self._database.execute(_PUT, (row.resource, row.key, row.revision, row.raw))

    def remove(self, resource: str, key: str, revision: int) -> None:
        """Remove a row, and remember the revision of the removal."""
        with _reported("delete from"), self._transaction():
            self._database.execute(
                "DELETE FROM objects WHERE resource = ? AND key = ?", (resource, key)
            )
            self._database.execute(
                "UPDATE counters SET value = ? WHERE name = 'revision'", (revision,)
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def back_up(self, path: Path) -> None:
        """Write a consistent copy to `path`, while the store is in use.

        May run in another thread than the writes; what they change meanwhile is in the copy too.
        """
        with _reported("copy"):
            target = sqlite3.connect(path)
            try:
                self._database.backup(target, pages=_BACKUP_PAGES, sleep=_BACKUP_PAUSE_SECONDS)
            finally:
                target.close()

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._database.close()


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
    try:
        # Exclusive: a second server on the same file would not see our writes in its image.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        _migrate(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > _SCHEMA_VERSION:
        raise RefusedError(
            f"cannot open the state in {path}: it was written by a newer release"
            f" (format {version}, this release knows {_SCHEMA_VERSION})",
            remedy="use the newer release, or move the file away to start afresh",
        )
    if version == 0:
        database.executescript(_SCHEMA)
    # The first write takes the exclusive lock; until then a second process would still get in.
    database.execute("BEGIN IMMEDIATE")
    database.execute("COMMIT")


@contextmanager
def _reported(action: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise InternalError(f"cannot {action} the state: {error}") from error
