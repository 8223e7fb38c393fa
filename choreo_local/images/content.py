"""Contents by digest: files that are whole and right from the moment they have their name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from choreo_local.images import digests, locks
from choreo_local.images.digests import Digest
from choreo_local.images.documents import MOST_DOCUMENT_BYTES
from choreo_local.images.failures import Corrupted, NoSpace, NotThere
from choreo_local.images.folders import Folders, disk_errors, sync_folder, write_durably
from choreo_local.images.locks import Lock

_CHUNK = 1 << 20


class ContentStore:
    """The blobs of a store."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders

    def has(self, digest: Digest) -> bool:
        """Whether a content is there."""
        return self.folders.blob(digest).is_file()

    def size(self, digest: Digest) -> int:
        """Length of a content; NotThere when it is missing."""
        try:
            return self.folders.blob(digest).stat().st_size
        except FileNotFoundError:
            raise NotThere(f"content {digest}: not found") from None

    def open(self, digest: Digest) -> BinaryIO:
        """Read a content; NotThere when it is missing."""
        try:
            return self.folders.blob(digest).open("rb")
        except FileNotFoundError:
            raise NotThere(f"content {digest}: not found") from None

    def read(self, digest: Digest) -> bytes:
        """A document, checked; one that the disk has spoilt is dropped and Corrupted raised."""
        with self.open(digest) as file:
            content = file.read(MOST_DOCUMENT_BYTES + 1)
        hasher = digest.hasher()
        hasher.update(content)
        if hasher.hexdigest() != digest.hex:
            self.drop(digest)
            raise Corrupted(f"content {digest} is damaged on the disk; it was dropped")
        return content

    def put(self, content: bytes, digest: Digest | None = None) -> Digest:
        """Add a document; `digest` names it when not by sha256."""
        digest = digest or digests.of(content)
        if not self.has(digest):
            write_durably(self.folders.blob(digest), content)
        return digest

    def adopt(self, file: Path, digest: Digest) -> None:
        """Take over a file whose content has that digest; the caller has checked it."""
        with disk_errors(f"store content {digest}"), file.open("rb") as opened:
            os.fsync(opened.fileno())
        file.rename(self.folders.blob(digest))
        sync_folder(self.folders.blob(digest).parent)

    def drop(self, digest: Digest) -> None:
        """Forget a content."""
        self.folders.blob(digest).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[Digest, Path]]:
        """Every content."""
        for folder in sorted(self.folders.blobs.glob("*")):
            for path in sorted(folder.glob("*")):
                if digests.is_digest(f"{folder.name}:{path.name}"):
                    yield Digest(folder.name, path.name), path

    async def receive(self, digest: Digest) -> Ingest:
        """Begin or continue to receive a content; only one process at a time does."""
        lock = await locks.lock(self.folders.partial(digest))
        try:
            return await asyncio.to_thread(Ingest, self, digest, lock)
        except BaseException:
            lock.release()
            raise


class Ingest:
    """A content on its way in; what was received of it survives failures and restarts.

    Attributes:
        received: how many bytes are there.
    """

    def __init__(self, store: ContentStore, digest: Digest, lock: Lock) -> None:
        self._store = store
        self._digest = digest
        self._lock = lock
        self._path = store.folders.partial(digest)
        self._file = self._path.open("r+b")
        self._hasher = digest.hasher()
        self.received = 0
        self._recall()

    def _recall(self) -> None:
        while chunk := self._file.read(_CHUNK):
            self._hasher.update(chunk)
            self.received += len(chunk)

    def restart(self) -> None:
        """Forget what was received."""
        # Room first: what is still to be written needs some on a full disk.
        os.ftruncate(self._file.fileno(), 0)
        self._file.seek(0)
        self._file.truncate()
        self._hasher = self._digest.hasher()
        self.received = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes; on a full disk, leave none behind: others need the room."""
        try:
            with disk_errors(f"store content {self._digest}"):
                self._file.write(data)
        except NoSpace:
            self.restart()
            raise
        self._hasher.update(data)
        self.received += len(data)

    def commit(self) -> None:
        """Check it and give it its name; Corrupted when it is not what it should be."""
        found = Digest(self._digest.algorithm, self._hasher.hexdigest())
        if found != self._digest:
            self.restart()
            raise Corrupted(
                f'failed commit on ref "{self._digest}": unexpected commit digest {found}, '
                f"expected {self._digest}: failed precondition"
            )
        with disk_errors(f"store content {self._digest}"):
            self._file.flush()
            os.fsync(self._file.fileno())
        self._path.rename(self._store.folders.blob(self._digest))
        sync_folder(self._store.folders.blob(self._digest).parent)

    def close(self) -> None:
        """Let others have a try; an attempt that received nothing leaves nothing."""
        try:
            with disk_errors(f"store content {self._digest}"):
                self._file.close()
        finally:
            if not self.received and locks.has_name(self._lock.descriptor, self._path):
                self._path.unlink(missing_ok=True)
            self._lock.release()
