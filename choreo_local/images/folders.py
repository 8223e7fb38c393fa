"""Where the store of images keeps what. Paths only, and how files are written for good."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from choreo_local import clock
from choreo_local.images.digests import Digest
from choreo_local.images.failures import NoSpace


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths below the root of the store.

    Only the owner may look into it: images may hold secrets.
    """

    root: Path

    @property
    def blobs(self) -> Path:
        """Contents by digest, as registries serve them."""
        return self.root / "blobs"

    @property
    def ingest(self) -> Path:
        """Contents that are on their way in."""
        return self.root / "ingest"

    @property
    def names(self) -> Path:
        """Which image a reference means."""
        return self.root / "names"

    @property
    def layers(self) -> Path:
        """Unpacked layers by the digest of their archive."""
        return self.root / "layers"

    @property
    def roots(self) -> Path:
        """Root file systems, merged from layers."""
        return self.root / "roots"

    @property
    def lock(self) -> Path:
        """Held shared by who adds, alone by who clears up."""
        return self.root / "lock"

    def blob(self, digest: Digest) -> Path:
        """The file of a content."""
        return self.blobs / digest.algorithm / digest.hex

    def partial(self, digest: Digest) -> Path:
        """The file of a content that is being downloaded."""
        return self.ingest / f"{digest.algorithm}-{digest.hex}"

    def received(self, digest: Digest) -> int:
        """How much of a content is there of an earlier attempt."""
        try:
            return self.partial(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def layer(self, diff_id: Digest) -> Path:
        """The folder of an unpacked layer."""
        return self.layers / f"{diff_id.algorithm}-{diff_id.hex}"

    def prepare(self) -> None:
        """Make the folders."""
        with disk_errors("make the folders of the image store"):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.blobs, self.ingest, self.names, self.layers, self.roots):
                folder.mkdir(mode=0o700, exist_ok=True)
            for algorithm in ("sha256", "sha512"):
                (self.blobs / algorithm).mkdir(mode=0o700, exist_ok=True)

    def temporary(self, folder: Path) -> Path:
        """A name in a folder that nobody else uses and that clearing up recognises."""
        return folder / f".new-{clock.new_uid()}"


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk into NoSpace, with what could not be done."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise no_space(what, error.errno) from error
        raise


def no_space(what: str, number: int) -> NoSpace:
    """The failure of what a full disk prevents."""
    return NoSpace(
        f"cannot {what}: {os.strerror(number).lower()}",
        remedy="Make room on the disk; choreo image prune removes images nobody uses",
    )


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file at once: readers see the old or the new content, also after a power cut."""
    temporary = path.with_name(f".new-{clock.new_uid()}")
    try:
        with disk_errors(f"write {path.name}"), temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Have everything below a folder survive a power cut: one call instead of one a file."""
    import ctypes  # starts that unpack nothing do without

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove a folder and everything below it, also folders that forbid it to their owner."""
    for current, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(current, name)
            if not os.path.islink(path):
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
