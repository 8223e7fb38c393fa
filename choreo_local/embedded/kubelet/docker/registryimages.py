"""Images of registries for an engine: pulled by our own client, loaded when they are wanted."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from choreo_local.embedded.kubelet import realimages
from choreo_local.embedded.kubelet.docker.archives import Layer
from choreo_local.embedded.kubelet.docker.images import EngineImages
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.embedded.kubelet.runtime import Image, StartError
from choreo_local.images import digests, documents, layers
from choreo_local.images.credentials import Credential
from choreo_local.images.documents import Descriptor
from choreo_local.images.failures import ImageFailure
from choreo_local.images.folders import disk_errors
from choreo_local.images.library import ImageLibrary
from choreo_local.images.pulling import StoredImage

_CHUNK = 1 << 20
_MOST_BYTES = 128 << 30


class RegistryImages(RealImages):
    """The images of a library, loaded into an engine instead of unpacked."""

    def __init__(self, library: ImageLibrary, images: EngineImages) -> None:
        super().__init__(library)
        self._images = images

    async def _made_ready(self, reference: str, credentials: Sequence[Credential]) -> StoredImage:
        stored = await self._library.pull(reference, credentials)
        await self._load(stored)
        return stored

    async def runnable(self, image: Image) -> HostImage:
        """What a container of the image is started from; its digest is its name in the engine."""
        stored = self._library.find(image.reference)
        if stored is None:
            raise StartError(f'image "{image.reference}" is not on this machine any more')
        try:
            name = await self._load(stored)
        except ImageFailure as error:
            raise StartError(f'image "{image.reference}" cannot be run: {error.message}') from error
        self._library.names.touch(stored.named)
        config = stored.config
        return HostImage(
            folder=Path("/"),
            platforms=["linux"],
            names=[stored.named.reference],
            entrypoint=realimages.literal(config.entrypoint),
            arguments=realimages.literal(config.command),
            environment=config.environment,
            working_folder=config.working_folder or "/",
            stop_signal=realimages.stop_signal(config.stop_signal),
            digest=name,
            size_bytes=stored.named.size,
            user=_user(config.user),
            user_name=realimages.named_user(config.user),
        )

    async def _load(self, stored: StoredImage) -> str:
        content, manifest = self._library.content, stored.manifest
        name = self._images.name(manifest.config.digest.hex)
        if await self._images.has(name):
            return name
        async with self._library.adding():
            config = content.read(manifest.config.digest)
            with tempfile.TemporaryDirectory(prefix="choreo-load-") as folder:
                found = [
                    await asyncio.to_thread(self._layer, layer, Path(folder))
                    for layer in manifest.layers
                ]
                await self._images.load(name, config, found)
        return name

    def _layer(self, layer: Descriptor, folder: Path) -> Layer:
        """A layer as every engine takes it: not all know of zstd."""
        content = self._library.content
        path = content.folders.blob(layer.digest)
        if documents.compression(layer.media_type) != "zstd":
            return Layer(f"{layer.digest.hex}.tar", content.size(layer.digest), path)
        plain = folder / layer.digest.hex
        with content.open(layer.digest) as source, disk_errors("decompress a layer"):
            hasher = digests.of(b"").hasher()
            stream = layers.open_layer(source, "zstd", hasher=hasher, limit=_MOST_BYTES)
            with plain.open("wb") as target:
                while part := stream.read(_CHUNK):
                    target.write(part)
        return Layer(f"{layer.digest.hex}.tar", plain.stat().st_size, plain)


def _user(text: str) -> tuple[int, int] | None:
    """User and group of an image that names them by number; root when it names none."""
    user, _, group = text.partition(":")
    if realimages.named_user(text) or not (group or "0").isdecimal():
        return None
    return int(user or 0), int(group or 0)
