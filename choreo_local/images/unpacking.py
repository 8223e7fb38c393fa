"""From blobs to a root file system that containers can run in; what is there already is reused."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from choreo_local.images import documents, layers, locks, merging
from choreo_local.images.content import ContentStore
from choreo_local.images.digests import Digest
from choreo_local.images.documents import Descriptor, ImageConfig
from choreo_local.images.failures import Corrupted, InvalidContent
from choreo_local.images.folders import disk_errors, remove_tree, sync_folder, sync_tree
from choreo_local.images.layers import LayerNotes, LayerUnpacker, UnpackLimits
from choreo_local.images.locks import Lock
from choreo_local.images.merging import UnpackedLayer

FILES, NOTES, LOCK = "files", "notes.json", "lock"


@dataclass(slots=True)
class RootFolder:
    """A root file system that stays as long as it is held.

    Attributes:
        path: never write below it: its files are shared with other images.
        layers: the folders of its layers, lowest first.
        size: bytes of the files in its layers.
        keeps_owners: whether files belong to whom the image says.
    """

    path: Path
    layers: Sequence[Path]
    size: int
    _lock: Lock
    keeps_owners: bool = False

    def release(self) -> None:
        """It may be cleared away from now on."""
        self._lock.release()


class Unpacker:
    """Unpacks the images of a store.

    Attributes:
        keeps_owners: whether files will belong to whom their image says; for root.
    """

    def __init__(self, content: ContentStore, limits: UnpackLimits | None = None) -> None:
        self._content = content
        self._folders = content.folders
        self._limits = limits or UnpackLimits()
        self.keeps_owners = False

    async def root(self, config: ImageConfig, blobs: Sequence[Descriptor]) -> RootFolder:
        """The root file system of an image, held."""
        if len(blobs) != len(config.diff_ids):
            raise InvalidContent(
                f"image has {len(blobs)} layers, but its configuration has {len(config.diff_ids)}"
            )
        folder = self._folders.roots / chain_id(config.diff_ids)
        lock_file = folder.with_name(f"{folder.name}.{LOCK}")
        while True:
            lock = await locks.lock(lock_file, shared=True)
            if (folder / NOTES).exists():
                break
            lock.release()
            async with locks.locked(lock_file):
                if not (folder / NOTES).exists():
                    await self._make_root(folder, config, blobs)
        notes = orjson.loads((folder / NOTES).read_bytes())
        layer_folders = [self._folders.layer(diff) / FILES for diff in config.diff_ids]
        keeps_owners = bool(notes.get("keepsOwners"))
        return RootFolder(folder / FILES, layer_folders, notes["size"], lock, keeps_owners)

    async def _make_root(
        self, folder: Path, config: ImageConfig, blobs: Sequence[Descriptor]
    ) -> None:
        pairs = zip(config.diff_ids, blobs, strict=True)
        unpacked = [await self._layer(diff_id, blob) for diff_id, blob in pairs]
        await asyncio.to_thread(self._merge, folder, unpacked)

    def _merge(self, folder: Path, unpacked: Sequence[UnpackedLayer]) -> None:
        with self._new(folder, self._folders.roots) as (files, notes):
            merging.merge(files, unpacked)
            size = sum(layer.notes.size for layer in unpacked)
            names = [layer.folder.parent.name for layer in unpacked]
            # Layers that were unpacked by somebody else have other owners.
            kept = all(layer.notes.keeps_owners for layer in unpacked)
            found = {"size": size, "layers": names, "keepsOwners": kept}
            notes.write_bytes(orjson.dumps(found))

    @contextlib.contextmanager
    def _new(self, folder: Path, parent: Path) -> Iterator[tuple[Path, Path]]:
        """Where files and the notes about them go; they get their name when all is written."""
        remove_tree(folder)
        temporary = self._folders.temporary(parent)
        try:
            with disk_errors("unpack an image"):
                files = temporary / FILES
                files.mkdir(parents=True)
                yield files, temporary / NOTES
                sync_tree(temporary)
                temporary.rename(folder)
                sync_folder(parent)
        finally:
            remove_tree(temporary)

    async def _layer(self, diff_id: Digest, blob: Descriptor) -> UnpackedLayer:
        folder = self._folders.layer(diff_id)
        async with locks.locked(folder.with_name(f"{folder.name}.{LOCK}")):
            if not (folder / NOTES).exists():
                await asyncio.to_thread(self._unpack, folder, diff_id, blob)
        notes = orjson.loads((folder / NOTES).read_bytes())
        return UnpackedLayer(folder / FILES, LayerNotes.from_json(notes))

    def _unpack(self, folder: Path, diff_id: Digest, blob: Descriptor) -> None:
        with self._new(folder, self._folders.layers) as (files, notes):
            found = self._fill(files, diff_id, blob)
            notes.write_bytes(orjson.dumps(found.to_json()))

    def _fill(self, files: Path, diff_id: Digest, blob: Descriptor) -> LayerNotes:
        compression = documents.compression(blob.media_type)
        hasher = diff_id.hasher()
        problem: InvalidContent | None = None
        with self._content.open(blob.digest) as source:
            stream = layers.open_layer(source, compression, hasher=hasher, limit=self._limits.bytes)
            try:
                unpacker = LayerUnpacker(files, self._limits, keeps_owners=self.keeps_owners)
                notes = unpacker.unpack(stream)
            except InvalidContent as error:
                problem = error
        if problem is None and hasher.hexdigest() == diff_id.hex:
            return notes
        if not self._is_intact(blob.digest):
            self._content.drop(blob.digest)
            raise Corrupted(
                f"failed to extract layer {diff_id}: its content was damaged on the disk"
            )
        if problem is not None:
            raise problem
        raise InvalidContent(
            f"failed to extract layer {diff_id}: wrong diff id calculated on extraction "
            f"{diff_id.algorithm}:{hasher.hexdigest()}"
        )

    def _is_intact(self, digest: Digest) -> bool:
        hasher = digest.hasher()
        with self._content.open(digest) as file:
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
        return hasher.hexdigest() == digest.hex


def chain_id(diff_ids: Sequence[Digest]) -> str:
    """The name of a stack of layers, as the image specification computes it; hexadecimal."""
    found = ""
    for diff_id in diff_ids:
        words = f"sha256:{found} {diff_id}" if found else ""
        found = hashlib.sha256(words.encode()).hexdigest() if found else diff_id.hex
    return found or "empty"


def size_of(folder: Path) -> int:
    """Bytes of the files of an unpacked layer, by its notes; 0 when it is not whole."""
    try:
        return int(orjson.loads((folder / NOTES).read_bytes())["size"])
    except (OSError, KeyError, ValueError):
        return 0


def layers_of(root: Path) -> list[str]:
    """The folders of layers that a root was merged from: containers mount these."""
    try:
        return list(orjson.loads((root / NOTES).read_bytes())["layers"])
    except (OSError, KeyError, ValueError):
        return []
