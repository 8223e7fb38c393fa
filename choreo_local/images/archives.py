"""Imports images from files: archives of Docker and of OCI layouts, and OCI layout folders.

Blocking; every byte is checked against its digest. Nothing outside the archive is ever read:
names in it lead to members of it alone.
"""

from __future__ import annotations

import contextlib
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from choreo_local import clock
from choreo_local.errors import UsageError
from choreo_local.images import digests, documents, layers, locks, platforms, references, streams
from choreo_local.images.content import ContentStore
from choreo_local.images.digests import Digest
from choreo_local.images.documents import Descriptor, ImageIndex, ImageManifest, Platform
from choreo_local.images.failures import Corrupted, ImageFailure, InvalidContent, NotThere
from choreo_local.images.folders import disk_errors
from choreo_local.images.library import ImageLibrary
from choreo_local.images.names import Named

_CHUNK = 1 << 20
_MOST_MEMBERS = 100_000
_MOST_BYTES = 128 << 30
_REF_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"


class _Source(Protocol):
    """Files by name."""

    def open(self, name: str) -> BinaryIO: ...

    def has(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Found:
    """An image of an archive, its contents stored."""

    names: Sequence[str]
    digest: Digest
    manifest: Digest
    size: int


def import_images(
    library: ImageLibrary, path: Path, *, name: str = "", wanted: Platform | None = None
) -> list[Named]:
    """Import all images of a file or folder; ImageFailure or UsageError say why not.

    With a `name` the file must hold one image, which gets that reference.
    """
    library.folders.prepare()
    with locks.waited(library.folders.lock, shared=True), _source(path) as source:
        if source.has("index.json") and source.has("oci-layout"):
            found = _OciLayout(library.content, source, wanted or platforms.of_machine()).images()
        elif source.has("manifest.json"):
            found = _DockerArchive(library.content, source).images()
        else:
            raise UsageError(
                f"{path} holds no images",
                remedy="Name what docker save, podman save or skopeo copy wrote, or an OCI layout",
            )
    return [_name(library, entry, reference) for entry, reference in _references(found, name)]


def _references(found: Sequence[_Found], name: str) -> list[tuple[_Found, str]]:
    if name:
        if len(found) != 1:
            raise UsageError(f"the archive holds {len(found)} images; --name needs exactly one")
        return [(found[0], name)]
    pairs = [(entry, text) for entry in found for text in entry.names]
    unnamed = [entry for entry in found if not entry.names]
    if unnamed:
        raise UsageError(
            f"the image {unnamed[0].digest} in the archive has no name",
            remedy="Give it one: --name REFERENCE",
        )
    return pairs


def _name(library: ImageLibrary, found: _Found, text: str) -> Named:
    reference = str(references.parse(text))
    named = Named(reference, found.digest, found.manifest, found.size, clock.unix(), imported=True)
    library.names.put(named)
    return named


# --- where files come from -----------------------------------------------------------------------


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _path(self, name: str) -> Path:
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root):
            raise InvalidContent(f"the layout leads out of its folder: {name[:200]!r}")
        return path

    def has(self, name: str) -> bool:
        return self._path(name).is_file()

    def open(self, name: str) -> BinaryIO:
        try:
            return self._path(name).open("rb")
        except FileNotFoundError:
            raise NotThere(f"the layout has no {name}") from None


class _Tar:
    """A tar archive, read at random."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(archive):
            if count >= _MOST_MEMBERS:
                raise InvalidContent(f"the archive has more than {_MOST_MEMBERS} members")
            self._members[posixpath.normpath(member.name)] = member

    def has(self, name: str) -> bool:
        return posixpath.normpath(name) in self._members

    def open(self, name: str) -> BinaryIO:
        member = self._member(posixpath.normpath(name))
        file = self._archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise NotThere(f"the archive has no file {name[:200]!r}")
        return file  # type: ignore[return-value]  # ExFileObject is a buffered reader

    def _member(self, name: str) -> tarfile.TarInfo:
        # Old versions of Docker wrote a layer that several images have once, and links to it.
        for _ in range(3):
            member = self._members.get(name)
            if member is None:
                break
            if member.issym():
                name = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
            elif member.islnk():
                name = posixpath.normpath(member.linkname)
            else:
                return member
        raise NotThere(f"the archive has no file {name[:200]!r}")


@contextlib.contextmanager
def _source(path: Path) -> Iterator[_Source]:
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with (
            path.open("rb") as file,
            _decompressed(file) as plain,
            tarfile.TarFile(fileobj=plain, errors="surrogateescape") as archive,
        ):
            yield _Tar(archive)
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except tarfile.TarError as error:
        raise UsageError(f"{path} is no archive of images: {error}") from error


@contextlib.contextmanager
def _decompressed(file: BinaryIO) -> Iterator[BinaryIO]:
    compression = streams.sniff(file.read(4))
    file.seek(0)
    if not compression:
        yield file
        return
    stream = layers.open_layer(file, compression, hasher=_NoHash(), limit=_MOST_BYTES)
    with disk_errors("decompress the archive"), tempfile.TemporaryFile() as plain:
        while part := stream.read(_CHUNK):
            plain.write(part)
        plain.seek(0)
        yield plain


class _NoHash:
    def update(self, data: bytes, /) -> None:
        pass

    def hexdigest(self) -> str:
        return ""


# --- what they hold ------------------------------------------------------------------------------


def _document(source: _Source, name: str) -> bytes:
    with source.open(name) as file:
        content = file.read(documents.MOST_DOCUMENT_BYTES + 1)
    if len(content) > documents.MOST_DOCUMENT_BYTES:
        raise InvalidContent(f"{name[:200]} is too long")
    return content


def _store(content: ContentStore, file: BinaryIO, digest: Digest | None) -> tuple[Digest, int]:
    """Copy a content into the store; Corrupted when it is not what its digest says."""
    hasher = (digest or digests.of(b"")).hasher()
    folders = content.folders
    temporary = folders.temporary(folders.ingest)
    try:
        with disk_errors("import an image"), temporary.open("xb") as target:
            while part := file.read(_CHUNK):
                hasher.update(part)
                target.write(part)
            size = target.tell()
        found = Digest((digest or digests.of(b"")).algorithm, hasher.hexdigest())
        if digest is not None and found != digest:
            raise Corrupted(f"unexpected digest in the archive: got {found}, expected {digest}")
        content.adopt(temporary, found)
    finally:
        temporary.unlink(missing_ok=True)
    return found, size


class _OciLayout:
    def __init__(self, content: ContentStore, source: _Source, wanted: Platform) -> None:
        self._content = content
        self._source = source
        self._wanted = wanted

    def images(self) -> list[_Found]:
        index = documents.read_manifest(_document(self._source, "index.json"), documents.OCI_INDEX)
        assert isinstance(index, ImageIndex)
        return [self._image(entry) for entry in index.manifests]

    def _image(self, entry: Descriptor) -> _Found:
        digest, manifest = self._manifest(entry)
        contents = {found.digest: found for found in (manifest.config, *manifest.layers)}
        for wanted in contents:
            if not self._content.has(wanted):
                with self._source.open(_blob(wanted)) as file:
                    _store(self._content, file, wanted)
        size = sum(found.size for found in contents.values())
        return _Found(list(_names(entry.annotations)), entry.digest, digest, size)

    def _manifest(self, entry: Descriptor) -> tuple[Digest, ImageManifest]:
        for _ in range(3):
            content = _document(self._source, _blob(entry.digest))
            hasher = entry.digest.hasher()
            hasher.update(content)
            if hasher.hexdigest() != entry.digest.hex:
                raise Corrupted(f"unexpected digest in the archive, expected {entry.digest}")
            self._content.put(content, entry.digest)
            found = documents.read_manifest(content, entry.media_type)
            if isinstance(found, ImageManifest):
                return entry.digest, found
            entry = platforms.choose(found.manifests, self._wanted)
        raise InvalidContent("image is an index of indexes of indexes")


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _names(annotations: Mapping[str, str]) -> Iterator[str]:
    """Names that are whole references; a tag alone names nothing."""
    for key in (_CONTAINERD_NAME, _REF_NAME):
        text = annotations.get(key, "")
        if not ("/" in text or ":" in text):
            continue
        with contextlib.suppress(ImageFailure):
            yield str(references.parse(text))
            return


class _DockerArchive:
    def __init__(self, content: ContentStore, source: _Source) -> None:
        self._content = content
        self._source = source

    def images(self) -> list[_Found]:
        try:
            entries = orjson.loads(_document(self._source, "manifest.json"))
            return [self._image(entry) for entry in entries]
        except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
            raise InvalidContent(f"manifest.json of the archive is malformed: {error}") from error

    def _image(self, entry: Mapping[str, Any]) -> _Found:
        config = _document(self._source, str(entry["Config"]))
        documents.read_config(config)
        found = [self._layer(str(name)) for name in entry["Layers"]]
        descriptor = {
            "mediaType": documents.OCI_CONFIG,
            "digest": str(self._content.put(config)),
            "size": len(config),
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": documents.OCI_MANIFEST,
            "config": descriptor,
            "layers": found,
        }
        digest = self._content.put(orjson.dumps(manifest))
        size = len(config) + sum(layer["size"] for layer in found)
        return _Found([str(name) for name in entry.get("RepoTags") or ()], digest, digest, size)

    def _layer(self, name: str) -> dict[str, Any]:
        with self._source.open(name) as file:
            compression = streams.sniff(file.read(4))
            file.seek(0)
            digest, size = _store(self._content, file, None)
        kind = documents.OCI_LAYER + (f"+{compression}" if compression else "")
        return {"mediaType": kind, "digest": str(digest), "size": size}
