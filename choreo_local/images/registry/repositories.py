"""The repositories of a registry: which tags, manifests and blobs each has. Files, no memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.images import digests, documents
from choreo_local.images.content import ContentStore
from choreo_local.images.digests import Digest
from choreo_local.images.failures import ImageFailure
from choreo_local.images.folders import write_durably

_TAGS, _MANIFESTS, _BLOBS, _REFERRERS = "_tags", "_manifests", "_blobs", "_referrers"


class Repository:
    """One repository. Names of contents are no paths out of it: they are parsed before."""

    def __init__(self, root: Path, name: str, content: ContentStore) -> None:
        self.name = name
        self._folder = root / name
        self._content = content

    @property
    def exists(self) -> bool:
        """Whether anything was ever pushed to it."""
        return (self._folder / _BLOBS).is_dir() or (self._folder / _MANIFESTS).is_dir()

    # --- blobs -----------------------------------------------------------------------------------

    def has_blob(self, digest: Digest) -> bool:
        """Whether a blob can be had here; it stays a while, for a manifest may follow."""
        link = self._link(_BLOBS, digest)
        if not (link.is_file() and self._content.has(digest)):
            return False
        now = clock.unix()
        os.utime(link, (now, now))
        return True

    def add_blob(self, digest: Digest) -> None:
        """Make a stored content a blob of this repository."""
        self._put_link(_BLOBS, digest)

    def remove_blob(self, digest: Digest) -> bool:
        """Whether there was one."""
        return _removed(self._link(_BLOBS, digest))

    # --- manifests -------------------------------------------------------------------------------

    def has_manifest(self, digest: Digest) -> bool:
        """Whether a manifest can be had here."""
        return self._link(_MANIFESTS, digest).is_file() and self._content.has(digest)

    def media_type(self, digest: Digest) -> str:
        """As what a manifest was pushed."""
        return self._link(_MANIFESTS, digest).read_text(encoding="utf-8")

    def add_manifest(self, digest: Digest, media_type: str, subject: Digest | None) -> None:
        """Make a stored content a manifest of this repository."""
        self._put_link(_MANIFESTS, digest, media_type)
        if subject is not None:
            self._put_link(f"{_REFERRERS}/{_file_name(subject)}", digest)

    def remove_manifest(self, digest: Digest, subject: Digest | None) -> bool:
        """Whether there was one; its tags go with it."""
        for tag in self.tags():
            if self.tagged(tag) == digest:
                self.remove_tag(tag)
        if subject is not None:
            _removed(self._link(f"{_REFERRERS}/{_file_name(subject)}", digest))
        return _removed(self._link(_MANIFESTS, digest))

    def referrers(self, subject: Digest) -> Iterator[Digest]:
        """Manifests that are about another one."""
        folder = self._folder / _REFERRERS / _file_name(subject)
        for path in sorted(folder.glob("sha*")):
            digest = _of_file_name(path.name)
            if digest is not None and self.has_manifest(digest):
                yield digest

    # --- tags ------------------------------------------------------------------------------------

    def tags(self) -> list[str]:
        """All tags, in the order of the specification: by their letters."""
        try:
            found = os.listdir(self._folder / _TAGS)
        except FileNotFoundError:
            return []
        return sorted(name for name in found if not name.startswith(".new-"))

    def tagged(self, tag: str) -> Digest | None:
        """The manifest that has a tag."""
        try:
            return digests.parse((self._folder / _TAGS / tag).read_text(encoding="ascii"))
        except (FileNotFoundError, UnicodeDecodeError, ImageFailure):
            return None

    def put_tag(self, tag: str, digest: Digest) -> None:
        """Give a manifest a tag."""
        path = self._folder / _TAGS / tag
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, str(digest).encode())

    def remove_tag(self, tag: str) -> bool:
        """Whether there was one."""
        return _removed(self._folder / _TAGS / tag)

    # --- below -----------------------------------------------------------------------------------

    def _link(self, kind: str, digest: Digest) -> Path:
        return self._folder / kind / _file_name(digest)

    def _put_link(self, kind: str, digest: Digest, content: str = "") -> None:
        path = self._link(kind, digest)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, content.encode())


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _file_name(digest: Digest) -> str:
    return f"{digest.algorithm}-{digest.hex}"


def _of_file_name(name: str) -> Digest | None:
    text = name.replace("-", ":", 1)
    return digests.parse(text) if digests.is_digest(text) else None


def names(root: Path) -> list[str]:
    """All repositories of a registry with a tag or manifest, sorted."""
    found = []
    for current, folders, _ in os.walk(root):
        if _MANIFESTS in folders or _TAGS in folders:
            found.append(Path(current).relative_to(root).as_posix())
        folders[:] = [name for name in folders if not name.startswith("_")]
    return sorted(found)


def descriptor(content: bytes, digest: Digest, media_type: str) -> dict[str, Any]:
    """How a manifest is listed among the referrers of another."""
    found = orjson.loads(content)
    config = found.get("config")
    of_config = config.get("mediaType") if isinstance(config, dict) else None
    kind = found.get("artifactType") or of_config
    entry = {
        "mediaType": media_type,
        "digest": str(digest),
        "size": len(content),
        "artifactType": kind or None,
        "annotations": found.get("annotations"),
    }
    return {key: value for key, value in entry.items() if value is not None}


def subject_of(content: bytes) -> Digest | None:
    """The manifest that a manifest is about."""
    found = documents.read_object(content, "manifest").get("subject")
    return documents.read_descriptor(found).digest if found else None
