"""Which image runs for a reference: a host image, one of a registry, or a host image instead of it.

1. A host image of that name.
2. The real image, when it is on this machine: somebody wanted it here.
3. A host image that stands in for it, which needs no network; the pod's status says so.
4. The real image, pulled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.runtime import Image
from choreo_local.images.credentials import Credential

if TYPE_CHECKING:
    from choreo_local.embedded.kubelet.realimages import RealImages

logger = logging.getLogger(__name__)

# Opens the images of registries when the first one is wanted: many lives of an instance want none.
OpenRealImages = Callable[[], "RealImages"]


class ImageChoice:
    """The images of a runtime.

    Args:
        open_real: opens those of registries; None when the runtime cannot run them.
    """

    def __init__(self, catalogue: Catalogue, open_real: OpenRealImages | None = None) -> None:
        self._catalogue = catalogue
        self._open_real = open_real
        self._opened: RealImages | None = None

    def _real(self) -> RealImages | None:
        if self._opened is None and self._open_real is not None:
            self._opened = self._open_real()
        return self._opened

    def find(self, reference: str, credentials: Sequence[Credential] | None = None) -> Image | None:
        """An image that can run at once; ImageError when the reference is not one."""
        found = self._catalogue.find(reference)
        if found is not None and not found[0].stands_in:
            return found[0]
        real = self._real()
        present = real.find(reference, credentials) if real else None
        return present or (found[0] if found else None)

    async def pull(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """Get an image; ImageError says why there is none."""
        found = self._catalogue.find(reference)
        if found is not None and not found[0].stands_in:
            return found[0]
        real = self._real()
        if real is not None and (found is None or real.find(reference) is not None):
            return await real.pull(reference, credentials)
        if found is None:
            raise self._catalogue.refuse(reference)
        return found[0]

    async def runnable(self, image: Image) -> HostImage:
        """What a container of an image is started from."""
        if image.is_real and (real := self._real()) is not None:
            return await real.runnable(image)
        found = self._catalogue.find(image.reference)
        if found is None:
            raise self._catalogue.refuse(image.reference)
        return found[1]

    def all(self) -> Sequence[Image]:
        """What can run at once, under its own names; of registries only when one was wanted."""
        host = [
            Image(name, found.digest, found.size_bytes)
            for found in self._catalogue.images
            if not found.obstacle()
            for name in found.names
        ]
        return [*host, *(self._opened.all() if self._opened else ())]

    async def collect(self, used: Collection[Path]) -> None:
        """Clear away images of registries whose folders are not used, if they take too much."""
        if self._opened is not None:
            try:
                found = await self._opened.collect(used)
            except OSError as error:
                logger.warning("Images not cleared away error=%s", error)
                return
            if found.contents:
                logger.info("Images cleared away names=%s bytes=%d", found.names, found.bytes)

    def release(self) -> None:
        """No container runs any more."""
        if self._opened is not None:
            self._opened.release()
