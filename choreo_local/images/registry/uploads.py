"""Uploads of blobs in one or several parts; an upload lives as long as the process."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from choreo_local import clock
from choreo_local.images import digests
from choreo_local.images.content import ContentStore
from choreo_local.images.digests import Digest
from choreo_local.images.folders import disk_errors
from choreo_local.images.registry.problems import RegistryProblem

_MOST = 512
_IDLE_SECONDS = 3600
_CHUNK = 1 << 20


@dataclass(slots=True)
class Upload:
    """One blob on its way in."""

    id: str
    name: str
    path: Path
    file: BinaryIO
    size: int = 0
    touched_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    hasher: digests.Hasher = field(default_factory=digests.of_nothing)

    def write(self, data: bytes, most: int) -> None:
        """Take the next bytes."""
        if self.size + len(data) > most:
            raise RegistryProblem("SIZE_INVALID", f"blob is larger than {most} bytes")
        with disk_errors("store an upload"):
            self.file.write(data)
        self.hasher.update(data)
        self.size += len(data)
        self.touched_at = clock.unix()


class Uploads:
    """The uploads of a registry.

    Args:
        most_bytes: how large a blob may be.
    """

    def __init__(self, content: ContentStore, *, most_bytes: int) -> None:
        self._content = content
        self._most_bytes = most_bytes
        self._uploads: dict[str, Upload] = {}

    def begin(self, name: str) -> Upload:
        """Start an upload to a repository."""
        self._forget_idle()
        if len(self._uploads) >= _MOST:
            raise RegistryProblem("TOOMANYREQUESTS", f"{_MOST} uploads are under way already")
        identity = clock.new_uid()
        path = self._content.folders.ingest / f"upload-{identity}"
        with disk_errors("begin an upload"):
            file = path.open("xb")
        found = Upload(identity, name, path, file, touched_at=clock.unix())
        self._uploads[identity] = found
        return found

    def find(self, name: str, identity: str) -> Upload:
        """An upload to that repository."""
        found = self._uploads.get(identity)
        if found is None or found.name != name:
            raise RegistryProblem("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return found

    async def append(self, upload: Upload, data: bytes) -> None:
        """Take the next bytes; an upload that cannot be stored is over."""
        try:
            await asyncio.to_thread(upload.write, data, self._most_bytes)
        except BaseException:
            self.cancel(upload)
            raise

    async def finish(self, upload: Upload, digest: Digest) -> None:
        """Make the upload a content of the store, if it is what its digest says."""
        try:
            with disk_errors("store an upload"):
                upload.file.flush()
            found = await asyncio.to_thread(_hash, upload, digest)
            if found != digest:
                detail = {"digest": str(digest), "received": str(found)}
                message = "provided digest did not match uploaded content"
                raise RegistryProblem("DIGEST_INVALID", message, detail=detail)
            await asyncio.to_thread(self._content.adopt, upload.path, digest)
        finally:
            self.cancel(upload)

    def cancel(self, upload: Upload) -> None:
        """Forget an upload."""
        self._uploads.pop(upload.id, None)
        with contextlib.suppress(OSError):  # a full disk, for what is thrown away
            upload.file.close()
        upload.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget all uploads."""
        for upload in list(self._uploads.values()):
            self.cancel(upload)

    def _forget_idle(self) -> None:
        limit = clock.unix() - _IDLE_SECONDS
        for upload in list(self._uploads.values()):
            if upload.touched_at < limit and not upload.lock.locked():
                self.cancel(upload)


def _hash(upload: Upload, digest: Digest) -> Digest:
    if digest.algorithm == "sha256":
        return Digest("sha256", upload.hasher.hexdigest())
    hasher = digest.hasher()
    with upload.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return Digest(digest.algorithm, hasher.hexdigest())
