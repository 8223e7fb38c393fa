"""Unpacks one layer into a folder of its own. Blocking: runs in a thread.

What a layer says about those below it (what it hides, links into them, folders that it only passes
through) is kept beside the files, for `merging`.

All files belong to who unpacks them where a sandbox has one user only, else to their owners. Bits
that lend the owner's rights to others are dropped. Device nodes are never made: runtimes mount
their own `/dev`, and a node of an image would be a way to the devices of the machine.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from choreo_local.images import owners, streams, treepaths
from choreo_local.images.digests import Hasher
from choreo_local.images.failures import InvalidContent
from choreo_local.images.folders import disk_errors
from choreo_local.images.streams import LayerStream

WHITEOUT, OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_CHUNK = 1 << 20
_EMPTY = bytes(_CHUNK)
_LATEST = 1 << 40
_MODE_BITS = 0o1777
_REFUSED = frozenset(
    {
        errno.EEXIST,
        errno.EILSEQ,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
    }
)
ROOT = "."


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How much one layer may be."""

    bytes: int = 64 << 30
    entries: int = 2_000_000


@dataclass(slots=True)
class LayerNotes:
    """What a layer says beside its files; names are relative to the root.

    Attributes:
        hidden: names of lower layers that are gone.
        emptied: folders of lower layers whose content is gone.
        passed: folders that the layer does not have, but has files in.
        links: hard links whose target is in a lower layer, (name, target).
        devices: how many device nodes were left out.
        size: bytes of its files.
        keeps_owners: whether files belong to whom the layer says.
    """

    hidden: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    links: list[tuple[str, str]] = field(default_factory=list)
    devices: int = 0
    size: int = 0
    keeps_owners: bool = False

    def to_json(self) -> dict[str, Any]:
        """As kept in a file."""
        return {
            "hidden": self.hidden,
            "emptied": self.emptied,
            "passed": sorted(self.passed),
            "links": self.links,
            "devices": self.devices,
            "size": self.size,
            "keepsOwners": self.keeps_owners,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> LayerNotes:
        """What `to_json` gave."""
        links = [(name, target) for name, target in found["links"]]
        passed = set(found["passed"])
        return cls(
            found["hidden"],
            found["emptied"],
            passed,
            links,
            devices=found["devices"],
            size=found["size"],
            keeps_owners=bool(found.get("keepsOwners")),
        )


class LayerUnpacker:
    """Fills an empty folder from one layer; with `keeps_owners`, files belong to whom it says."""

    def __init__(self, folder: Path, limits: UnpackLimits, *, keeps_owners: bool = False) -> None:
        self._folder = folder
        self._limits = limits
        self._parents: dict[tuple[str, ...], Path] = {}
        self._folders: dict[Path, tarfile.TarInfo] = {}
        self.notes = LayerNotes(passed={ROOT}, keeps_owners=keeps_owners)

    def unpack(self, stream: LayerStream) -> LayerNotes:
        """Unpack everything; InvalidContent or NoSpace say why not."""
        with disk_errors("unpack a layer"), _archive(stream) as archive:
            for count, entry in enumerate(_entries(archive)):
                if count >= self._limits.entries:
                    raise InvalidContent(f"layer has more than {self._limits.entries} entries")
                self._add(archive, entry)
            for path, entry in reversed(self._folders.items()):
                self._describe(path, entry)
        stream.drain()
        return self.notes

    def _add(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        names = treepaths.parts(entry.name)
        if not names:
            if entry.isdir():
                self.notes.passed.discard(ROOT)
                self._folders[self._folder] = entry
            return
        if names[-1].startswith(WHITEOUT):
            self._hide(names)
            return
        path = self._parent(names[:-1]) / names[-1]
        if entry.isdir():
            self._add_folder(path, entry)
        elif entry.isreg():
            self._replace(path)
            self._add_file(path, archive, entry)
        elif entry.islnk():
            self._add_link(path, names, entry)
        elif entry.issym():
            self._replace(path)
            path.symlink_to(entry.linkname)
            self._describe(path, entry)
        elif entry.isfifo():
            self._replace(path)
            os.mkfifo(path, 0o600)
            self._describe(path, entry)
        else:
            self.notes.devices += 1

    def _hide(self, names: list[str]) -> None:
        folder, name = names[:-1], names[-1]
        if name == OPAQUE:
            self.notes.emptied.append("/".join(folder))
        elif not name.startswith(_AUFS):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise InvalidContent("layer hides something that has no name")
            self.notes.hidden.append("/".join([*folder, hidden]))

    def _parent(self, names: list[str]) -> Path:
        """The folder of an entry, made when the archive did not have it before."""
        key = tuple(names)
        if key not in self._parents:
            path = self._folder
            for place in range(len(names)):
                path = treepaths.resolve(self._folder, names[: place + 1])
                if not treepaths.is_folder(path):
                    self._pass_through(path)
            self._parents[key] = path
        return self._parents[key]

    def _pass_through(self, path: Path) -> None:
        missing = [path, *path.parents]
        missing = [found for found in missing[: missing.index(self._folder)] if not found.is_dir()]
        for folder in reversed(missing):
            self._replace(folder)
            folder.mkdir(mode=0o755)
            self.notes.passed.add(str(folder.relative_to(self._folder)))

    def _replace(self, path: Path) -> None:
        if treepaths.kind(path):
            treepaths.remove(path)
            self._parents.clear()
            for folder in [found for found in self._folders if found.is_relative_to(path)]:
                del self._folders[folder]

    def _add_folder(self, path: Path, entry: tarfile.TarInfo) -> None:
        if not treepaths.is_folder(path):
            self._replace(path)
            path.mkdir(mode=0o700)
        self.notes.passed.discard(str(path.relative_to(self._folder)))
        self._folders[path] = entry

    def _add_file(self, path: Path, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        source = archive.extractfile(entry)
        assert source is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "wb") as file:
            ends_empty = False
            while chunk := source.read(_CHUNK):
                ends_empty = _is_empty(chunk)
                if ends_empty:
                    # What most of a sparse file is takes no place on the disk.
                    file.seek(len(chunk), os.SEEK_CUR)
                else:
                    file.write(chunk)
                self.notes.size += len(chunk)
                # Sparse files have more bytes than the archive they come from.
                if self.notes.size > self._limits.bytes:
                    raise InvalidContent(f"layer is larger than {self._limits.bytes} bytes")
            if ends_empty:
                file.truncate()
        self._describe(path, entry)

    def _add_link(self, path: Path, names: list[str], entry: tarfile.TarInfo) -> None:
        target_names = treepaths.parts(entry.linkname)
        if not target_names:
            raise InvalidContent(f"layer has a link to nothing: {entry.name[:200]!r}")
        target = treepaths.place(self._folder, target_names)
        if target == path:
            return
        self._replace(path)
        if not treepaths.kind(target):
            self.notes.links.append(("/".join(names), "/".join(target_names)))
        elif treepaths.is_folder(target):
            raise InvalidContent(f"layer has a hard link to a folder: {entry.name[:200]!r}")
        else:
            os.link(target, path, follow_symlinks=False)

    def _describe(self, path: Path, entry: tarfile.TarInfo) -> None:
        """Owner, permissions and time."""
        if self.notes.keeps_owners:
            os.chown(path, *owners.of(entry), follow_symlinks=False)
        if not entry.issym():
            mode = entry.mode & _MODE_BITS
            path.chmod(mode | stat.S_IRWXU if entry.isdir() else mode)
        moment = min(max(float(entry.mtime), 0), _LATEST)
        os.utime(path, (moment, moment), follow_symlinks=False)


def _is_empty(chunk: bytes) -> bool:
    return chunk[0] == 0 and chunk == _EMPTY[: len(chunk)]


@contextlib.contextmanager
def _archive(stream: LayerStream) -> Iterator[tarfile.TarFile]:
    try:
        file = cast(IO[bytes], stream)
        with (
            refusing(),
            tarfile.TarFile(
                fileobj=file, mode="r", encoding="utf-8", errors="surrogateescape"
            ) as archive,
        ):
            yield archive
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidContent(f"archive of the layer is malformed: {error}") from error


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn what no file system can hold into InvalidContent."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSED:
            raise InvalidContent(f"layer has an entry that cannot be made: {error}") from error
        raise


def _entries(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (entry := archive.next()) is not None:
        yield entry
        cast(Any, archive).members.clear()  # all of them would be much memory


def open_layer(source: BinaryIO, compression: str, *, hasher: Hasher, limit: int) -> LayerStream:
    """A layer to unpack; what it is compressed with, its first bytes say better than its type."""
    head = source.read(4)
    source.seek(0)
    return LayerStream(source, streams.sniff(head) or compression, hasher=hasher, limit=limit)
