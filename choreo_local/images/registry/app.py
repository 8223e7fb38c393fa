"""The distribution API over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from choreo_local.images.failures import ImageFailure, NoSpace
from choreo_local.images.library import ImageLibrary
from choreo_local.images.registry import callers, paths, repositories
from choreo_local.images.registry.blobs import Blobs
from choreo_local.images.registry.manifests import Manifests
from choreo_local.images.registry.paths import Target
from choreo_local.images.registry.problems import RegistryProblem
from choreo_local.images.registry.repositories import Repository
from choreo_local.images.registry.uploads import Uploads

logger = logging.getLogger(__name__)

_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_READING = frozenset({"GET", "HEAD"})
_MOST_BLOB_BYTES = 64 << 30
_MOST_PAGE = 10_000

_Answer = Callable[[web.BaseRequest, Target], Awaitable[web.StreamResponse]]


class RegistryApp:
    """Answers requests of the distribution API.

    Args:
        folder: of the repositories; contents go into the library's store.
        names: host names by which it may be called, besides those of this machine.
        neighbours: networks from which it may be used, besides this machine's loopback.
    """

    def __init__(
        self,
        library: ImageLibrary,
        folder: Path,
        *,
        names: frozenset[str] = frozenset(),
        neighbours: Sequence[IPv4Network] = (),
        most_blob_bytes: int = _MOST_BLOB_BYTES,
    ) -> None:
        self._library = library
        self._folder = folder
        self._names = names
        self._neighbours = neighbours
        self._uploads = Uploads(library.content, most_bytes=most_blob_bytes)
        blobs = Blobs(library, self._uploads, self.repository)
        manifests = Manifests(library, self.repository)
        self._answers: Mapping[tuple[str, str], _Answer] = {
            ("base", "GET"): self._base,
            ("catalog", "GET"): self._catalog,
            ("tags", "GET"): self._tags,
            ("blob", "GET"): blobs.get,
            ("blob", "DELETE"): blobs.delete,
            ("uploads", "POST"): blobs.begin,
            ("upload", "GET"): blobs.status,
            ("upload", "PATCH"): blobs.append,
            ("upload", "PUT"): blobs.finish,
            ("upload", "DELETE"): blobs.cancel,
            ("manifest", "GET"): manifests.get,
            ("manifest", "PUT"): manifests.put,
            ("manifest", "DELETE"): manifests.delete,
            ("referrers", "GET"): manifests.referrers,
        }

    def repository(self, name: str) -> Repository:
        """A repository, whether it exists or not."""
        return Repository(self._folder, name, self._library.content)

    def close(self) -> None:
        """Forget unfinished uploads."""
        self._uploads.close()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            answer = await self._serve(request)
        except RegistryProblem as problem:
            answer = _refused(problem)
        except NoSpace as error:
            logger.warning("Push refused error=%s", error.message)
            answer = _refused(RegistryProblem("UNKNOWN", error.message, status=507))
        except ImageFailure as error:
            answer = _refused(RegistryProblem("MANIFEST_INVALID", error.message))
        if not answer.prepared:
            answer.headers.update(_VERSION)
        return answer

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        callers.check_page(request.headers, names=self._names)
        info = request.transport.get_extra_info if request.transport else lambda _name: None
        callers.check_network(info("peername"), self._neighbours)
        target = paths.parse(request.path)
        if target is None:
            raise RegistryProblem("UNSUPPORTED", "there is nothing at this path", status=404)
        method = "GET" if request.method == "HEAD" else request.method
        answer = self._answers.get((target.kind, method))
        if answer is None:
            raise RegistryProblem("UNSUPPORTED", "The operation is unsupported.")
        if request.method in _READING:
            return await answer(request, target)
        # A thread because the kernel's table of connections may be long.
        await asyncio.to_thread(callers.check_user, info("peername"), info("sockname"))
        # Nobody clears up while something is added.
        async with self._library.adding():
            return await answer(request, target)

    async def _base(self, request: web.BaseRequest, target: Target) -> web.Response:
        del request, target
        return web.json_response({})

    async def _catalog(self, request: web.BaseRequest, target: Target) -> web.Response:
        del target
        found = await asyncio.to_thread(repositories.names, self._folder)
        page, link = _page(request, found)
        return web.json_response({"repositories": page}, headers=link)

    async def _tags(self, request: web.BaseRequest, target: Target) -> web.Response:
        repository = self.repository(target.name)
        if not repository.exists:
            raise unknown(repository)
        page, link = _page(request, repository.tags())
        return web.json_response({"name": target.name, "tags": page}, headers=link)


def _refused(problem: RegistryProblem) -> web.Response:
    return web.json_response(problem.body(), status=problem.status, headers=problem.headers)


def unknown(repository: Repository) -> RegistryProblem:
    """There is no such repository."""
    detail = {"name": repository.name}
    return RegistryProblem("NAME_UNKNOWN", "repository name not known to registry", detail=detail)


def _page(request: web.BaseRequest, found: list[str]) -> tuple[list[str], dict[str, str]]:
    """Part of a list, and where the next part is."""
    last, text = request.query.get("last", ""), request.query.get("n", "")
    if text and not (text.isdecimal() and len(text) < 10):
        raise RegistryProblem("PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    most = min(int(text), _MOST_PAGE) if text else _MOST_PAGE
    found = [name for name in found if name > last]
    page = found[:most]
    if not page or len(found) <= most:
        return page, {}
    url = f"{request.path}?last={quote(page[-1], safe='')}&n={most}"
    return page, {"Link": f'<{url}>; rel="next"'}
