"""Removes from the store what nothing refers to. Alone: nobody adds meanwhile."""

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


class _Collector:
    def __init__(self, library: ImageLibrary, registries: Iterable[Path], *, dry_run: bool) -> None:
        self._library = library
        self._content = library.content
        self._folders = library.folders
        self._registries = list(registries)
        self._dry_run = dry_run
        self._found = Pruned()

    def run(self, *, everything: bool) -> Pruned:
        kept = [named for named in self._library.all() if not (everything and self._drop(named))]
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
        return self._found

    def _drop(self, named: Named) -> bool:
        """Forget an image, unless a container uses it."""
        stored = pulling.load(self._content, named)
        if stored is not None:
            root = self._folders.roots / unpacking.chain_id(stored.config.diff_ids)
            if _is_held(root):
                return False
        self._found.names.append(named.reference)
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
        self._found.contents += 1
        self._found.bytes += path.lstat().st_size
        if not self._dry_run:
            path.unlink(missing_ok=True)

    def _remove_folder(self, folder: Path) -> None:
        self._found.contents += 1
        self._found.bytes += _freed(folder)
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
