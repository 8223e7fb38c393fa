"""Images of registries for runtimes that can run them; failures in the words of containerd."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.runtime import Image, ImageError, StartError
from choreo_local.errors import RefusedError
from choreo_local.images import accounts, collecting, references
from choreo_local.images.collecting import Pruned
from choreo_local.images.credentials import Credential
from choreo_local.images.failures import ImageFailure, NoSpace
from choreo_local.images.library import ImageLibrary, UnpackedImage
from choreo_local.images.names import Named
from choreo_local.images.pulling import StoredImage
from choreo_local.images.unpacking import RootFolder


class RealImages:
    """The images of a library, as a runtime sees them.

    A root file system that was once used stays held until `collect` or `release`, so that nobody
    clears it away.
    """

    def __init__(self, library: ImageLibrary, *, keeps_owners: bool = False) -> None:
        if keeps_owners:
            library.keep_owners()
        self._library = library
        self._held: dict[Path, RootFolder] = {}

    def find(self, reference: str, credentials: Sequence[Credential] | None = None) -> Image | None:
        """An image that is on this machine; with credentials, only if they allow to use it."""
        stored = self._library.find(reference, credentials)
        return image_of(stored) if stored else None

    async def pull(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """Pull and make ready to run; ImageError says why not."""
        try:
            return image_of(await self._pull(reference, credentials))
        except ImageFailure as error:
            raise _error(reference, error) from error

    async def _pull(self, reference: str, credentials: Sequence[Credential]) -> StoredImage:
        """On a full disk, once more after what no image needs any more has gone."""
        try:
            return await self._made_ready(reference, credentials)
        except NoSpace:
            if not await asyncio.to_thread(self._has_made_room):
                raise
        return await self._made_ready(reference, credentials)

    async def _made_ready(self, reference: str, credentials: Sequence[Credential]) -> StoredImage:
        ready = await self._library.pull_unpacked(reference, credentials)
        self._hold(ready)
        return ready.image

    def _has_made_room(self) -> bool:
        library = self._library
        try:
            return collecting.prune(library, library.registries()).bytes > 0
        except RefusedError:
            return False

    async def collect(self, used: Collection[Path]) -> Pruned:
        """Clear away what is unused, if the store is beyond its bound.

        Args:
            used: the folders of images whose containers are known.
        """
        for path in [path for path in self._held if path not in used]:
            self._held.pop(path).release()
        return await asyncio.to_thread(collecting.keep_within, self._library)

    async def runnable(self, image: Image) -> HostImage:
        """What a container of the image is started from; StartError says why it cannot be."""
        stored = self._library.find(image.reference)
        if stored is None:
            raise StartError(f'image "{image.reference}" is not on this machine any more')
        try:
            ready = await self._library.unpack(stored)
            self._hold(ready)
            return _runnable(ready)
        except ImageFailure as error:
            raise StartError(f'image "{image.reference}" cannot be run: {error.message}') from error

    def all(self) -> list[Image]:
        """Every image on this machine."""
        return [_named(entry) for entry in self._library.all()]

    def release(self) -> None:
        """No container uses any of them now."""
        while self._held:
            self._held.popitem()[1].release()

    def _hold(self, ready: UnpackedImage) -> None:
        if ready.root.path in self._held:
            ready.root.release()
        else:
            self._held[ready.root.path] = ready.root


def _error(reference: str, error: ImageFailure) -> ImageError:
    name = references.parse(reference)
    return ImageError(
        f'rpc error: code = {error.code} desc = failed to pull and unpack image "{name}": '
        f"{error.message}"
    )


def image_of(stored: StoredImage) -> Image:
    """As a runtime tells of it."""
    return _named(stored.named)


def _named(named: Named) -> Image:
    repository = references.parse(named.reference).repository
    identity = f"{repository}@{named.digest}"
    return Image(named.reference, identity, named.size, is_real=True)


def _runnable(ready: UnpackedImage) -> HostImage:
    config, root = ready.config, ready.root.path
    account = accounts.resolve(root, config.user)
    return HostImage(
        folder=root,
        platforms=["linux"],
        names=[ready.image.named.reference],
        entrypoint=literal(config.entrypoint),
        arguments=literal(config.command),
        environment=_environment(config.environment, account.home),
        working_folder=config.working_folder or "/",
        stop_signal=stop_signal(config.stop_signal),
        digest=str(ready.image.named.digest),
        size_bytes=ready.image.named.size,
        layers=[root],
        user=(account.user, account.group),
        user_name=named_user(config.user),
        keeps_owners=ready.root.keeps_owners,
    )


def named_user(user: str) -> str:
    """The user of an image, when it is told by name."""
    name = user.partition(":")[0]
    return "" if name.isdecimal() else name


def literal(words: Sequence[str]) -> list[str]:
    """Words of an image are never expanded; those of host images are."""
    return [word.replace("$(", "$$(") for word in words]


def _environment(found: Mapping[str, str], home: str) -> dict[str, str]:
    return {"HOME": home, **found}


def stop_signal(text: str) -> signal.Signals:
    """The signal that an image names; the usual one when it names none that exists."""
    name = text if text.startswith("SIG") else f"SIG{text}"
    try:
        return signal.Signals(int(text)) if text.isdecimal() else signal.Signals[name]
    except (KeyError, ValueError):
        return signal.SIGTERM
