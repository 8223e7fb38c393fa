"""Blobs: get, delete, and push them in one piece, in chunks, or from another repository."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from choreo_local.images import digests, references
from choreo_local.images.digests import Digest
from choreo_local.images.library import ImageLibrary
from choreo_local.images.registry.paths import Target
from choreo_local.images.registry.problems import RegistryProblem
from choreo_local.images.registry.repositories import Repository
from choreo_local.images.registry.uploads import Upload, Uploads

_OCTETS = "application/octet-stream"


class Blobs:
    """The blobs of a registry."""

    def __init__(
        self, library: ImageLibrary, uploads: Uploads, repository: Callable[[str], Repository]
    ) -> None:
        self._content = library.content
        self._library = library
        self._uploads = uploads
        self._repository = repository

    async def get(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Send a blob, or the part of it that is asked for."""
        digest = target.digest()
        if not self._repository(target.name).has_blob(digest):
            raise _blob_unknown(digest)
        headers = {
            "Docker-Content-Digest": str(digest),
            "Content-Type": _OCTETS,
            "ETag": f'"{digest}"',
            "Cache-Control": "max-age=31536000",
        }
        path = self._content.folders.blob(digest)
        answer = web.FileResponse(path, headers=headers, chunk_size=1 << 18)
        return answer

    async def delete(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Take a blob out of a repository."""
        del request
        digest = target.digest()
        if not self._repository(target.name).remove_blob(digest):
            raise _blob_unknown(digest)
        return web.Response(status=202)

    async def begin(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Start an upload; a blob that is there already, or comes whole, needs no other request."""
        mounted = request.query.get("mount", "")
        if mounted and self._mount(mounted, request.query.get("from", ""), target.name):
            return _created(target.name, digests.parse(mounted))
        whole = request.query.get("digest")
        if whole is not None:
            digest = Target("blob", target.name, whole).digest()
            upload = self._uploads.begin(target.name)
            try:
                return await self._finish(request, upload, digest)
            finally:
                self._uploads.cancel(upload)  # nobody knows where it could be continued
        return _accepted(self._uploads.begin(target.name), status=202)

    def _mount(self, text: str, source: str, name: str) -> bool:
        digest = Target("blob", name, text).digest()
        if not references.is_path(source) or not self._repository(source).has_blob(digest):
            return False
        self._repository(name).add_blob(digest)
        return True

    async def status(self, request: web.BaseRequest, target: Target) -> web.Response:
        """How far an upload is."""
        del request
        return _accepted(self._uploads.find(target.name, target.rest), status=204)

    async def append(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Take the next chunk."""
        async with self._held(target) as upload:
            _check_range(request, upload)
            await self._receive(request, upload)
        return _accepted(upload, status=202)

    @asynccontextmanager
    async def _held(self, target: Target) -> AsyncIterator[Upload]:
        """An upload, for one request at a time; another one may have ended it meanwhile."""
        upload = self._uploads.find(target.name, target.rest)
        async with upload.lock:
            yield self._uploads.find(target.name, target.rest)

    async def finish(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Take the last chunk, if any, and make the upload a blob."""
        digest = Target("blob", target.name, request.query.get("digest", "")).digest()
        async with self._held(target) as upload:
            _check_range(request, upload)
            return await self._finish(request, upload, digest)

    async def _finish(
        self, request: web.BaseRequest, upload: Upload, digest: Digest
    ) -> web.Response:
        await self._receive(request, upload)
        await self._uploads.finish(upload, digest)
        self._repository(upload.name).add_blob(digest)
        return _created(upload.name, digest)

    async def _receive(self, request: web.BaseRequest, upload: Upload) -> None:
        expected, before = request.content_length, upload.size
        while part := await request.content.read(1 << 20):
            await self._uploads.append(upload, part)
        if expected is not None and upload.size - before != expected:
            raise RegistryProblem(
                "SIZE_INVALID", "the body is not as long as announced", status=400
            )

    async def cancel(self, request: web.BaseRequest, target: Target) -> web.Response:
        """Forget an upload."""
        del request
        async with self._held(target) as upload:
            self._uploads.cancel(upload)
        return web.Response(status=204)


def _blob_unknown(digest: Digest) -> RegistryProblem:
    return RegistryProblem("BLOB_UNKNOWN", "blob unknown to registry", detail=str(digest))


def _created(name: str, digest: Digest) -> web.Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": str(digest)}
    return web.Response(status=201, headers=headers)


def _location(upload: Upload) -> dict[str, str]:
    return {
        "Location": f"/v2/{upload.name}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-UUID": upload.id,
    }


def _accepted(upload: Upload, *, status: int) -> web.Response:
    return web.Response(status=status, headers=_location(upload))


def _check_range(request: web.BaseRequest, upload: Upload) -> None:
    """A chunk has to begin where the last one ended."""
    text = request.headers.get("Content-Range", "").removeprefix("bytes ")
    if not text:
        return
    begin, _, end = text.partition("/")[0].partition("-")
    is_range = begin.isdecimal() and end.isdecimal() and len(begin) < 20 and len(end) < 20
    length = request.content_length
    fits = is_range and int(begin) == upload.size and int(end) >= int(begin)
    if not fits or (length is not None and length != int(end) - int(begin) + 1):
        message = f"the next chunk has to begin at byte {upload.size}"
        raise RegistryProblem("BLOB_UPLOAD_INVALID", message, headers=_location(upload))
