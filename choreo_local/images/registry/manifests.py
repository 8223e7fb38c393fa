"""Manifests: get, put, delete them by tag or digest, and list what is about one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

from choreo_local.images import digests, documents, references
from choreo_local.images.digests import Digest
from choreo_local.images.documents import Descriptor, ImageIndex
from choreo_local.images.library import ImageLibrary
from choreo_local.images.registry import repositories
from choreo_local.images.registry.paths import Target
from choreo_local.images.registry.problems import RegistryProblem
from choreo_local.images.registry.repositories import Repository

_MOST_REFERRERS = 10_000


class Manifests:
    """The manifests of a registry."""

    def __init__(self, library: ImageLibrary, repository: Callable[[str], Repository]) -> None:
        self._content = library.content
        self._repository = repository

    async def get(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Send a manifest as it was pushed."""
        repository = self._repository(target.name)
        digest = self._find(repository, target.rest)
        kind = repository.media_type(digest)
        accepted = request.headers.getall("Accept", [])
        if accepted and not _accepts(accepted, kind):
            message = f"manifest is of media type {kind}, which the request does not accept"
            raise RegistryProblem("MANIFEST_UNKNOWN", message)
        headers = {
            "Content-Type": kind,
            "Docker-Content-Digest": str(digest),
            "ETag": f'"{digest}"',
        }
        return web.Response(body=self._content.read(digest), headers=headers)

    def _find(self, repository: Repository, rest: str) -> Digest:
        if not repository.exists:
            detail = {"name": repository.name}
            message = "repository name not known to registry"
            raise RegistryProblem("NAME_UNKNOWN", message, detail=detail)
        digest = digests.parse(rest) if digests.is_digest(rest) else None
        if digest is None and references.is_tag(rest):
            digest = repository.tagged(rest)
        if digest is None or not repository.has_manifest(digest):
            detail = {"name": repository.name, "tag": rest[:256]}
            raise RegistryProblem("MANIFEST_UNKNOWN", "manifest unknown", detail=detail)
        return digest

    async def put(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Take a manifest whose contents are here."""
        by_digest = ":" in target.rest
        if not by_digest and not references.is_tag(target.rest):
            raise RegistryProblem(
                "TAG_INVALID", "manifest tag is not valid", detail=target.rest[:256]
            )
        wanted = target.digest() if by_digest else None
        content = await _body(request)
        digest = _digest(content, wanted)
        repository = self._repository(target.name)
        kind = _media_type(content, request.headers.get("Content-Type", ""))
        self._check_contents(repository, content, kind)
        subject = repositories.subject_of(content)
        self._content.put(content, digest)
        repository.add_manifest(digest, kind, subject)
        if not by_digest:
            repository.put_tag(target.rest, digest)
        headers = {
            "Location": f"/v2/{target.name}/manifests/{digest}",
            "Docker-Content-Digest": str(digest),
            **({"OCI-Subject": str(subject)} if subject else {}),
        }
        return web.Response(status=201, headers=headers)

    def _check_contents(self, repository: Repository, content: bytes, kind: str) -> None:
        found = documents.read_manifest(content, kind)
        if isinstance(found, ImageIndex):
            missing = [
                entry for entry in found.manifests if not repository.has_manifest(entry.digest)
            ]
        else:
            contents = [found.config, *found.layers]
            missing = [entry for entry in contents if not self._has(repository, entry)]
        if missing:
            raise RegistryProblem(
                "MANIFEST_BLOB_UNKNOWN",
                "manifest references a manifest or blob that is unknown to registry",
                detail=[{"digest": str(entry.digest)} for entry in missing[:20]],
            )

    def _has(self, repository: Repository, entry: Descriptor) -> bool:
        # Layers that may not be distributed lie elsewhere by intention.
        is_foreign = "nondistributable" in entry.media_type or "foreign" in entry.media_type
        return is_foreign or repository.has_blob(entry.digest)

    async def delete(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Take away a tag, or a manifest with all its tags."""
        del request
        repository = self._repository(target.name)
        digest = self._find(repository, target.rest)
        if digests.is_digest(target.rest):
            repository.remove_manifest(digest, repositories.subject_of(self._content.read(digest)))
        else:
            repository.remove_tag(target.rest)
        return web.Response(status=202)

    async def referrers(self, request: web.BaseRequest, target: Target) -> web.Response:
        """List what is about a manifest, which need not be here."""
        repository, kind = self._repository(target.name), request.query.get("artifactType")
        found: list[dict[str, Any]] = []
        for digest in repository.referrers(target.digest()):
            entry = repositories.descriptor(
                self._content.read(digest), digest, repository.media_type(digest)
            )
            if len(found) < _MOST_REFERRERS and kind in {None, entry.get("artifactType")}:
                found.append(entry)
        index = {"schemaVersion": 2, "mediaType": documents.OCI_INDEX, "manifests": found}
        headers = {"Content-Type": documents.OCI_INDEX}
        if kind is not None:
            headers["OCI-Filters-Applied"] = "artifactType"
        return web.Response(body=orjson.dumps(index), headers=headers)


async def _body(request: web.BaseRequest) -> bytes:
    found = bytearray()
    while part := await request.content.read(1 << 16):
        found += part
        if len(found) > documents.MOST_DOCUMENT_BYTES:
            most = documents.MOST_DOCUMENT_BYTES
            raise RegistryProblem("SIZE_INVALID", f"manifest is larger than {most} bytes")
    return bytes(found)


def _digest(content: bytes, wanted: Digest | None) -> Digest:
    if wanted is None:
        return digests.of(content)
    hasher = wanted.hasher()
    hasher.update(content)
    if hasher.hexdigest() != wanted.hex:
        message = "provided digest did not match uploaded content"
        raise RegistryProblem("DIGEST_INVALID", message, detail=str(wanted))
    return wanted


def _media_type(content: bytes, declared: str) -> str:
    found = documents.read_object(content, "manifest")
    kind = documents.media_type(found, declared)
    header = declared.partition(";")[0].strip()
    if header and header != kind and header in documents.MANIFESTS | documents.INDEXES:
        message = f"manifest says it is {kind[:100]}, the request says {header}"
        raise RegistryProblem("MANIFEST_INVALID", message)
    return kind


def _accepts(headers: Iterable[str], kind: str) -> bool:
    """Whether a client takes a media type."""
    ranges = {
        word.partition(";")[0].strip().lower() for line in headers for word in line.split(",")
    }
    return bool(ranges & {kind.lower(), "*/*", f"{kind.partition('/')[0].lower()}/*"})
