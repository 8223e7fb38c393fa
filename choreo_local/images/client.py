"""Reads from registries: manifests, and blobs that continue where a connection broke off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from choreo_local import clock
from choreo_local.images import digests, documents, tokens, transport
from choreo_local.images.content import Ingest
from choreo_local.images.digests import Digest
from choreo_local.images.documents import Descriptor
from choreo_local.images.failures import Corrupted, InvalidContent
from choreo_local.images.tokens import Repository
from choreo_local.images.transport import Answer, Interrupted, Transport

logger = logging.getLogger(__name__)

T = TypeVar("T")

_ACCEPT = ", ".join(sorted(documents.MANIFESTS | documents.INDEXES))


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and after how long something is tried again."""

    attempts: int = 5
    first_seconds: float = 0.5
    most_seconds: float = 15.0

    def delay(self, attempt: int, wanted: float) -> float:
        """What to wait after an attempt, counted from 0, that failed."""
        grown = min(self.first_seconds * 2.0**attempt, self.most_seconds)
        return max(wanted, grown + clock.jitter(grown / 2))


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """A manifest as a registry served it, its digest checked."""

    digest: Digest
    media_type: str
    content: bytes


class RegistryClient:
    """Reads from registries over one transport; remembers tokens."""

    def __init__(self, sender: Transport, patience: Patience | None = None) -> None:
        self._sender = sender
        self._patience = patience or Patience()
        self._authorizations: dict[Repository, str] = {}

    async def digest_of(self, repository: Repository, target: str) -> Digest | None:
        """Which manifest a tag means now; None when only the manifest itself would tell."""

        async def ask() -> Digest | None:
            async with self._ask("HEAD", repository, f"manifests/{target}", _accepting()) as answer:
                if answer.status == 405:
                    return None
                transport.check(answer, "HEAD")
                found = answer.headers.get("Docker-Content-Digest", "")
                return digests.parse(found) if digests.is_digest(found) else None

        return await self._retrying(ask)

    async def manifest(self, repository: Repository, target: str) -> FetchedManifest:
        """Get a manifest; Corrupted when it is not the one that was asked for."""

        async def ask() -> FetchedManifest:
            async with self._ask("GET", repository, f"manifests/{target}", _accepting()) as answer:
                transport.check(answer, "GET")
                content = await answer.read(documents.MOST_DOCUMENT_BYTES)
                return _checked(content, answer, target)

        return await self._retrying(ask)

    async def blob(self, repository: Repository, wanted: Descriptor, ingest: Ingest) -> None:
        """Receive the rest of a blob."""

        async def ask() -> None:
            before = ingest.received
            try:
                await self._receive(repository, wanted, ingest)
            except Interrupted:
                if ingest.received > before:
                    raise _Progress from None
                raise

        if ingest.received > wanted.size:
            ingest.restart()
        while ingest.received < wanted.size or not wanted.size:
            try:
                await self._retrying(ask)
                break
            except _Progress:
                logger.info("Download continues digest=%s at=%s", wanted.digest, ingest.received)
                await asyncio.sleep(self._patience.first_seconds)
        if ingest.received != wanted.size:
            found = ingest.received
            ingest.restart()
            raise Corrupted(
                f'failed commit on ref "{wanted.digest}": unexpected commit size {found}, '
                f"expected {wanted.size}: failed precondition"
            )

    async def _receive(self, repository: Repository, wanted: Descriptor, ingest: Ingest) -> None:
        headers = {"Range": f"bytes={ingest.received}-"} if ingest.received else {}
        async with self._ask("GET", repository, f"blobs/{wanted.digest}", headers) as answer:
            if answer.status == 416:
                ingest.restart()
                raise Interrupted(f"{transport.shown(answer.url)} has no byte {ingest.received}")
            transport.check(answer, "GET")
            if not _continues(answer, ingest.received):
                ingest.restart()
                if answer.status == 206:
                    raise Interrupted(
                        f"{transport.shown(answer.url)} sent another part than was asked"
                    )
            async for part in answer.parts():
                if ingest.received + len(part) > wanted.size:
                    ingest.restart()
                    raise InvalidContent(f"content {wanted.digest} is longer than announced")
                await asyncio.to_thread(ingest.write, part)
        if ingest.received < wanted.size:
            raise Interrupted(
                f"{transport.shown(answer.url)} ended after {ingest.received} bytes: unexpected EOF"
            )

    @contextlib.asynccontextmanager
    async def _ask(
        self, method: str, repository: Repository, rest: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        url = repository.url(rest)
        known = self._authorizations.get(repository)
        async with self._sender.send(method, url, headers=_with(headers, known)) as answer:
            if answer.status != 401:
                yield answer
                return
            asked = answer.challenges
        found = await tokens.authorization(repository, asked, self._sender)
        if found is not None:
            self._authorizations[repository] = found
        async with self._sender.send(method, url, headers=_with(headers, found)) as answer:
            yield answer

    async def _retrying(self, operation: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(self._patience.attempts - 1):
            try:
                return await operation()
            except Interrupted as error:
                delay = self._patience.delay(attempt, error.after_seconds)
                logger.info("Registry asked again error=%s delay=%.1f", error.message, delay)
                await asyncio.sleep(delay)
        return await operation()


class _Progress(Exception):
    """A download broke off after it had got further: attempts are counted anew."""


def _accepting() -> dict[str, str]:
    return {"Accept": _ACCEPT}


def _with(headers: Mapping[str, str], authorization: str | None) -> dict[str, str]:
    return {**headers, **({"Authorization": authorization} if authorization else {})}


def _continues(answer: Answer, received: int) -> bool:
    """Whether an answer begins where we stopped; a server may send everything again."""
    if answer.status != 206:
        return not received
    begin = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return begin.strip() == str(received)


def _checked(content: bytes, answer: Answer, target: str) -> FetchedManifest:
    announced = answer.headers.get("Docker-Content-Digest", "")
    expected = target if digests.is_digest(target) else announced
    digest = digests.parse(expected) if digests.is_digest(expected) else digests.of(content)
    hasher = digest.hasher()
    hasher.update(content)
    if hasher.hexdigest() != digest.hex:
        raise Corrupted(
            f"unexpected digest of manifest {target}: got {digests.of(content)}, expected {digest}"
        )
    found = documents.read_object(content, "manifest")
    kind = documents.media_type(found, answer.headers.get("Content-Type", ""))
    return FetchedManifest(digest, kind, content)
