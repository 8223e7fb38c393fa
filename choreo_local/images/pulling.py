"""Pulls images: from a reference to contents in the store, from whichever endpoint has them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from choreo_local import clock
from choreo_local.images import credentials, digests, documents, platforms
from choreo_local.images.client import Patience, RegistryClient
from choreo_local.images.content import ContentStore
from choreo_local.images.credentials import Credential
from choreo_local.images.digests import Digest
from choreo_local.images.documents import (
    Descriptor,
    ImageConfig,
    ImageIndex,
    ImageManifest,
    Platform,
)
from choreo_local.images.failures import (
    Corrupted,
    Denied,
    ImageFailure,
    InvalidContent,
    NotThere,
    Unavailable,
)
from choreo_local.images.folders import no_space
from choreo_local.images.hosts import Endpoint, Hosts
from choreo_local.images.names import Named, Names
from choreo_local.images.references import Reference
from choreo_local.images.tokens import Repository
from choreo_local.images.transport import Transport

T = TypeVar("T")

_AT_ONCE = 4
_MOST_IMAGE_BYTES = 128 << 30
_MOST_NESTED = 3


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image whose contents are all in the store."""

    named: Named
    manifest: ImageManifest
    config: ImageConfig


def load(content: ContentStore, named: Named) -> StoredImage | None:
    """The image that a name means; None when some of its contents are missing or damaged."""
    try:
        manifest = documents.read_manifest(content.read(named.manifest))
        if not isinstance(manifest, ImageManifest):
            return None
        config = documents.read_config(content.read(manifest.config.digest))
    except (NotThere, Corrupted, InvalidContent):
        return None
    if not all(content.has(layer.digest) for layer in manifest.layers):
        return None
    return StoredImage(named, manifest, config)


class Puller:
    """Fills a store from registries.

    Args:
        wanted: the platform of this machine.
    """

    def __init__(
        self,
        content: ContentStore,
        names: Names,
        hosts: Hosts,
        *,
        patience: Patience | None = None,
        wanted: Platform | None = None,
    ) -> None:
        self._content = content
        self._names = names
        self._hosts = hosts
        self._patience = patience
        self._wanted = wanted or platforms.of_machine()

    async def pull(self, reference: Reference, secrets: Sequence[Credential]) -> StoredImage:
        """Get an image; ImageFailure says, in containerd's words, why it cannot be had."""
        plain = frozenset(
            endpoint.host
            for endpoint in self._hosts.endpoints(reference.registry)
            if endpoint.is_plain
        )
        async with Transport(self._hosts.tls, plain) as sender:
            client = RegistryClient(sender, self._patience)
            source, digest = await self._resolve(client, reference, secrets)
            found = _Download(self._content, client, source, self._wanted)
            try:
                manifest = await found.image(digest)
            except Corrupted:
                # What had been received earlier may have been the wrong part.
                manifest = await found.image(digest)
        named = self._name(reference, digest, found, source)
        loaded = load(self._content, named)
        if loaded is None:
            raise InvalidContent(f"{manifest} is no image that can run: its contents do not fit")
        self._names.put(named)
        return loaded

    def _name(
        self, reference: Reference, digest: Digest, found: _Download, source: Repository
    ) -> Named:
        known = self._names.find(reference)
        grants: set[str] = set()
        if source.credential is not None:
            grants = {fingerprint(source.credential)}
            if known is not None and known.digest == digest:
                grants |= set(known.grants)
        return Named(
            str(reference),
            digest,
            found.manifest_digest or digest,
            found.size,
            clock.unix(),
            sorted(grants),
        )

    async def _resolve(
        self, client: RegistryClient, reference: Reference, secrets: Sequence[Credential]
    ) -> tuple[Repository, Digest]:
        """Where the image is, and which manifest the reference means there."""

        async def look(source: Repository) -> Digest:
            if digests.is_digest(reference.digest):
                digest = digests.parse(reference.digest)
                if self._content.has(digest):
                    await client.digest_of(source, reference.digest)
                    return digest
            else:
                known = await client.digest_of(source, reference.target)
                if known is not None and self._content.has(known):
                    return known
            fetched = await client.manifest(source, reference.target)
            self._content.put(fetched.content, fetched.digest)
            return fetched.digest

        try:
            return await self._first(self._sources(reference, secrets), look)
        except (NotThere, Denied, Unavailable) as error:
            words = _resolve_words(reference, error)
            raise type(error)(f'failed to resolve reference "{reference}": {words}') from error

    def _sources(
        self, reference: Reference, secrets: Sequence[Credential]
    ) -> list[list[Repository]]:
        """Endpoints in order, each with every credential that fits, or as nobody."""
        return [
            [
                Repository(endpoint, path, credential)
                for credential in self._credentials(reference, endpoint, secrets) or [None]
            ]
            for endpoint in self._hosts.endpoints(reference.registry)
            for path in [self._hosts.path_at(reference.registry, reference.path, endpoint)]
        ]

    def _credentials(
        self, reference: Reference, endpoint: Endpoint, secrets: Sequence[Credential]
    ) -> list[Credential | None]:
        # A mirror is another server: it gets what is meant for it, never the registry's own.
        there = Reference(f"{endpoint.host}/{reference.path}")
        asked = there if endpoint.is_mirror else reference
        return [
            *credentials.matching(asked, secrets),
            *credentials.matching(there, self._hosts.credentials),
            *([] if endpoint.is_mirror else credentials.matching(asked, self._hosts.credentials)),
        ]

    async def _first(
        self,
        sources: Sequence[Sequence[Repository]],
        look: Callable[[Repository], Awaitable[T]],
    ) -> tuple[Repository, T]:
        failure: ImageFailure = NotThere("no endpoint")
        for candidates in sources:
            for source in candidates:
                try:
                    return source, await look(source)
                except Denied as error:
                    failure = error
                except (NotThere, Unavailable) as error:
                    failure = error
                    break  # other credentials would change nothing
        raise failure


class _Download:
    """The contents of one image from one repository.

    Attributes:
        size: bytes of the layers and the configuration.
        manifest_digest: of the image for the wanted platform.
    """

    def __init__(
        self,
        content: ContentStore,
        client: RegistryClient,
        source: Repository,
        wanted: Platform,
    ) -> None:
        self._content = content
        self._client = client
        self._source = source
        self._wanted = wanted
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.size = 0
        self.manifest_digest: Digest | None = None

    async def image(self, digest: Digest) -> Digest:
        """Get everything below a manifest or index; the digest of the manifest."""
        manifest = await self._manifest(digest)
        contents = {entry.digest: entry for entry in (manifest.config, *manifest.layers)}
        self.size = sum(entry.size for entry in contents.values())
        if self.size > _MOST_IMAGE_BYTES:
            raise InvalidContent(f"image is larger than {_MOST_IMAGE_BYTES} bytes")
        if manifest.config.size > documents.MOST_DOCUMENT_BYTES:
            raise InvalidContent("configuration of the image is too long")
        for layer in manifest.layers:
            documents.compression(layer.media_type)
        self._check_space(contents.values())
        tasks = [asyncio.create_task(self._blob(entry)) for entry in contents.values()]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        assert self.manifest_digest is not None
        return self.manifest_digest

    def _check_space(self, contents: Iterable[Descriptor]) -> None:
        """Nothing is begun that would only fill the disk."""
        folders = self._content.folders
        missing = [entry for entry in contents if not self._content.has(entry.digest)]
        needed = sum(entry.size - folders.received(entry.digest) for entry in missing)
        free = shutil.disk_usage(folders.root).free
        if needed > free:
            raise no_space(f"download {needed} bytes where {free} are free", errno.ENOSPC)

    async def _manifest(self, digest: Digest) -> ImageManifest:
        for _ in range(_MOST_NESTED):
            if not self._content.has(digest):
                fetched = await self._client.manifest(self._source, str(digest))
                self._content.put(fetched.content, digest)
            found = documents.read_manifest(self._content.read(digest))
            if not isinstance(found, ImageIndex):
                self.manifest_digest = digest
                return found
            digest = platforms.choose(found.manifests, self._wanted).digest
        raise InvalidContent("image is an index of indexes of indexes")

    async def _blob(self, wanted: Descriptor) -> None:
        async with self._slots:
            if self._content.has(wanted.digest):
                return
            ingest = await self._content.receive(wanted.digest)
            try:
                # Another process may have received it while we waited.
                if not self._content.has(wanted.digest):
                    await self._client.blob(self._source, wanted, ingest)
                    await _to_its_end(ingest.commit)
            finally:
                ingest.close()


async def _to_its_end(call: Callable[[], None]) -> None:
    """Run it in a thread, and wait for it also when cancelled: its file is closed afterwards."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(running)
    finally:
        await asyncio.gather(running, return_exceptions=True)


def fingerprint(credential: Credential) -> str:
    """Tells credentials apart without keeping them."""
    words = "\0".join(
        (credential.server, credential.username, credential.password, credential.identity_token)
    )
    return hashlib.sha256(words.encode()).hexdigest()


def _resolve_words(reference: Reference, error: ImageFailure) -> str:
    if isinstance(error, NotThere):
        return f"{reference}: not found"
    if isinstance(error, Denied) and "unexpected status" in error.message:
        return (
            "pull access denied, repository does not exist or may require authorization: "
            f"{error.message}"
        )
    return error.message
