"""The images of a user: what the kubelet and `choreo image` ask for. One store for all instances.

library = ImageLibrary(paths.home() / "images", read_hosts)
stored = library.find(reference) or await library.pull(reference, secrets)
ready = await library.unpack(stored)     # ready.root.path, ready.config
…
ready.root.release()                     # when no container uses it any more
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from choreo_local.images import locks, pulling, references
from choreo_local.images.client import Patience
from choreo_local.images.content import ContentStore
from choreo_local.images.credentials import Credential
from choreo_local.images.documents import ImageConfig, Platform
from choreo_local.images.failures import Corrupted, ImageFailure
from choreo_local.images.folders import Folders
from choreo_local.images.hosts import Hosts
from choreo_local.images.layers import UnpackLimits
from choreo_local.images.names import Named, Names
from choreo_local.images.pulling import Puller, StoredImage
from choreo_local.images.unpacking import RootFolder, Unpacker


@dataclass(frozen=True, slots=True)
class UnpackedImage:
    """An image that can be run.

    Attributes:
        root: held until it is released; its files are shared: never write to them.
    """

    image: StoredImage
    root: RootFolder

    @property
    def config(self) -> ImageConfig:
        """How its containers are started."""
        return self.image.config


class ImageLibrary:
    """Finds, pulls and unpacks images.

    Args:
        folder: of the store; made when it is needed.
        hosts: where registries are, asked for at each pull.
        registries: folders of the registries whose contents lie in the store, too.
        most_bytes: beyond this, what is not used is cleared away; 0 for no bound.
    """

    def __init__(
        self,
        folder: Path,
        hosts: Callable[[], Hosts] = Hosts,
        *,
        registries: Callable[[], Iterable[Path]] = tuple,
        most_bytes: int = 0,
        limits: UnpackLimits | None = None,
        patience: Patience | None = None,
        wanted: Platform | None = None,
    ) -> None:
        self.folders = Folders(folder)
        self.content = ContentStore(self.folders)
        self.names = Names(self.folders)
        self.registries = registries
        self.most_bytes = most_bytes
        self._hosts = hosts
        self._unpacker = Unpacker(self.content, limits)
        self._patience = patience
        self._wanted = wanted

    def keep_owners(self) -> None:
        """Let files that are unpacked from now on belong to whom their image says; for root."""
        self._unpacker.keeps_owners = True

    def find(
        self, reference: str, secrets: Sequence[Credential] | None = None
    ) -> StoredImage | None:
        """An image that is there.

        With `secrets`, only one that their owner may use without asking its registry again.
        """
        parsed = references.parse(reference)
        named = self.names.find(parsed)
        if named is None or not _may_use(named, secrets):
            return None
        return pulling.load(self.content, named)

    async def pull(self, reference: str, secrets: Sequence[Credential] = ()) -> StoredImage:
        """Get an image from its registry; ImageFailure says why it cannot be had."""
        parsed = references.parse(reference)
        async with self.adding():
            puller = Puller(
                self.content,
                self.names,
                self._hosts(),
                patience=self._patience,
                wanted=self._wanted,
            )
            return await puller.pull(parsed, secrets)

    async def unpack(self, image: StoredImage) -> UnpackedImage:
        """The root file system of an image; Corrupted when its contents have to be pulled anew."""
        async with self.adding():
            root = await self._unpacker.root(image.config, image.manifest.layers)
        self.names.touch(image.named)
        return UnpackedImage(image, root)

    async def pull_unpacked(
        self, reference: str, secrets: Sequence[Credential] = ()
    ) -> UnpackedImage:
        """Pull and unpack; a content that the disk has spoilt is pulled a second time."""
        image = await self.pull(reference, secrets)
        try:
            return await self.unpack(image)
        except Corrupted as spoilt:
            try:
                return await self.unpack(await self.pull(reference, secrets))
            except ImageFailure as error:
                words = f"{spoilt.message}, and it cannot be had anew: {error.message}"
                raise Corrupted(words, remedy=error.remedy) from error

    def all(self) -> list[Named]:
        """Every image by name, sorted."""
        return sorted(self.names.all(), key=lambda named: named.reference)

    @asynccontextmanager
    async def adding(self) -> AsyncIterator[None]:
        """Nobody clears up meanwhile."""
        self.folders.prepare()
        async with locks.locked(self.folders.lock, shared=True):
            yield


def _may_use(named: Named, secrets: Sequence[Credential] | None) -> bool:
    if secrets is None or not named.grants:
        return True
    return any(pulling.fingerprint(entry) in named.grants for entry in secrets)
