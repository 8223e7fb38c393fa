"""Removes from the store what nothing refers to. Alone: nobody adds meanwhile.

`prune` is what people ask for; `keep_within` is what instances do by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from choreo_local import clock
from choreo_local.errors import RefusedError
from choreo_local.images import digests, documents, locks, pulling, references, unpacking
from choreo_local.images.content import ContentStore
from choreo_local.images.digests import Digest
from choreo_local.images.documents import ImageIndex
from choreo_local.images.failures import Corrupted, ImageFailure, InvalidContent, NotThere
from choreo_local.images.folders import remove_tree
from choreo_local.images.library import ImageLibrary
from choreo_local.images.names import Named

_DAY_SECONDS = 86400
_MOST_NESTED = 3
_IDLE_SECONDS = 600
# Below the bound by so much, so that the next pull does not begin it again.
_AFTER = 0.8


@dataclass(slots=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        names: references.
        bytes: that are free again.
    """

    names: list[str] = field(default_factory=list)
    contents: int = 0
    bytes: int = 0


def prune(
    library: ImageLibrary,
    registries: Iterable[Path],
    *,
    everything: bool = False,
    dry_run: bool = False,
) -> Pruned:
    """Remove what nothing refers to; with `everything` also images that no container uses.

    The contents of `registries`, folders of registries, stay.
    """
    if not library.folders.root.exists():
        return Pruned()
    library.folders.prepare()
    lock = locks.try_lock(library.folders.lock)
    if lock is None:
        raise RefusedError(
            "cannot remove images: some are being pulled, pushed or imported at the moment",
            remedy="Try again when that is done",
        )
    try:
        return _Collector(library, registries, dry_run=dry_run).run(everything=everything)
    finally:
        lock.release()


def keep_within(library: ImageLibrary, *, idle_seconds: float = _IDLE_SECONDS) -> Pruned:
    """Bring a store below its bound, by what nothing refers to and then what is unused longest.

    Images that were imported stay: perhaps nobody else has them. So do those that a container uses
    or that were used within `idle_seconds`. Nothing is done while something is added.
    """
    most = library.most_bytes
    if not most or not library.folders.root.exists():
        return Pruned()
    lock = locks.try_lock(library.folders.lock)
    if lock is None:
        return Pruned()
    try:
        collector = _Collector(library, library.registries(), dry_run=False)
        if stored_bytes(library) > most:
            collector.clear(most * _AFTER, idle_seconds)
        return collector.found
    finally:
        lock.release()


def bytes_of(library: ImageLibrary, named: Named) -> int:
    """What an image takes of the disk, packed and unpacked; parts may be those of others, too."""
    content, stored = library.content, pulling.load(library.content, named)
    if stored is None:
        return 0
    blobs = {entry.digest for entry in (stored.manifest.config, *stored.manifest.layers)}
    packed = sum(content.size(digest) for digest in blobs if content.has(digest))
    layers = {library.folders.layer(diff_id) for diff_id in stored.config.diff_ids}
    return packed + sum(unpacking.size_of(layer) for layer in layers)


def stored_bytes(library: ImageLibrary) -> int:
    """What a store takes of the disk: contents, and the files of unpacked layers."""
    folders = library.folders
    contents = sum(path.stat().st_size for _, path in library.content.all())
    return contents + sum(unpacking.size_of(folder) for folder in _folders(folders.layers))


class _Collector:
    def __init__(self, library: ImageLibrary, registries: Iterable[Path], *, dry_run: bool) -> None:
        self._library = library
        self._content = library.content
        self._folders = library.folders
        self._registries = list(registries)
        self._dry_run = dry_run
        self.found = Pruned()

    def run(self, *, everything: bool) -> Pruned:
        kept = [named for named in self._library.all() if not (everything and self._drop(named))]
        self._remove_all_but(kept)
        return self.found

    def clear(self, enough: float, idle_seconds: float) -> None:
        """Remove what no name leads to, then what was used least lately, down to so many bytes."""
        self._remove_all_but(self._library.all())
        idle = clock.unix() - idle_seconds
        unused = [one for one in self._library.all() if not one.imported and one.used_at < idle]
        for named in sorted(unused, key=lambda one: one.used_at):
            if stored_bytes(self._library) <= enough:
                break
            if self._drop(named):
                self._remove_all_but(self._library.all())

    def _remove_all_but(self, kept: Sequence[Named]) -> None:
        used, layers, roots = self._used(kept)
        for digest, path in list(self._content.all()):
            if digest not in used:
                self._remove_file(path)
        for folder in _folders(self._folders.layers):
            if folder.name not in layers:
                self._remove_folder(folder)
        for folder in _folders(self._folders.roots):
            if folder.name not in roots and not _is_held(folder):
                self._remove_folder(folder)
        for path in self._folders.ingest.iterdir():
            if clock.unix() - path.stat().st_mtime > _DAY_SECONDS:
                self._remove_file(path)

    def _drop(self, named: Named) -> bool:
        """Forget an image, unless a container uses it."""
        stored = pulling.load(self._content, named)
        if stored is not None:
            root = self._folders.roots / unpacking.chain_id(stored.config.diff_ids)
            if _is_held(root):
                return False
        self.found.names.append(named.reference)
        if not self._dry_run:
            self._library.names.remove(references.parse(named.reference))
        return True

    def _used(self, kept: Sequence[Named]) -> tuple[set[Digest], set[str], set[str]]:
        used: set[Digest] = set()
        layers: set[str] = set()
        roots: set[str] = set()
        for named in kept:
            used |= {named.digest, *reachable(self._content, named.manifest)}
            stored = pulling.load(self._content, named)
            if stored is not None:
                diff_ids = stored.config.diff_ids
                layers |= {self._folders.layer(diff_id).name for diff_id in diff_ids}
                roots.add(unpacking.chain_id(diff_ids))
        for folder in _folders(self._folders.roots):
            if _is_held(folder):
                layers |= set(unpacking.layers_of(folder))
        for folder in self._registries:
            for digest in _registry_digests(folder):
                used |= reachable(self._content, digest)
        return used, layers, roots

    def _remove_file(self, path: Path) -> None:
        self.found.contents += 1
        self.found.bytes += path.lstat().st_size
        if not self._dry_run:
            path.unlink(missing_ok=True)

    def _remove_folder(self, folder: Path) -> None:
        self.found.contents += 1
        self.found.bytes += _freed(folder)
        if not self._dry_run:
            remove_tree(folder)
            folder.with_name(f"{folder.name}.{unpacking.LOCK}").unlink(missing_ok=True)


def reachable(content: ContentStore, digest: Digest, depth: int = 0) -> set[Digest]:
    """A content and what it refers to, if it is a manifest."""
    found = {digest}
    try:
        if depth > _MOST_NESTED or content.size(digest) > documents.MOST_DOCUMENT_BYTES:
            return found
        document = documents.read_manifest(content.read(digest))
    except (NotThere, InvalidContent, Corrupted):
        return found
    if isinstance(document, ImageIndex):
        for entry in document.manifests:
            found |= reachable(content, entry.digest, depth + 1)
        return found
    return found | {entry.digest for entry in (document.config, *document.layers)}


def _registry_digests(folder: Path) -> Iterator[Digest]:
    """Manifests of a registry, and blobs that were pushed lately: their manifest may yet come."""
    for current, _, files in os.walk(folder):
        kind = os.path.basename(current)
        if kind not in {"_manifests", "_blobs"}:
            continue
        for name in files:
            path = Path(current, name)
            try:
                digest = digests.parse(name.replace("-", ":", 1))
            except ImageFailure:
                continue
            if kind == "_manifests" or clock.unix() - path.stat().st_mtime < _DAY_SECONDS:
                yield digest


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _is_held(root: Path) -> bool:
    lock = locks.try_lock(root.with_name(f"{root.name}.{unpacking.LOCK}"), create=False)
    if lock is None:
        return root.exists()
    lock.release()
    return False


def _freed(folder: Path) -> int:
    """Bytes of files that have no name elsewhere."""
    total = 0
    for current, _, files in os.walk(folder):
        for name in files:
            found = os.lstat(os.path.join(current, name))
            total += found.st_size if found.st_nlink == 1 else 0
    return total
