"""Which image runs for a reference: a host image, one of a registry, or a host image instead of it.

1. A host image of that name.
2. The real image, when it is on this machine: somebody wanted it here.
3. A host image that stands in for it, which needs no network; the pod's status says so.
4. The real image, pulled.
"""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.embedded.kubelet.hostimages import Catalogue, HostImage
from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.embedded.kubelet.runtime import Image
from choreo_local.images.credentials import Credential


class ImageChoice:
    """The images of a runtime.

    Args:
        real: of registries; None when the runtime cannot run them.
    """

    def __init__(self, catalogue: Catalogue, real: RealImages | None = None) -> None:
        self._catalogue = catalogue
        self._real = real

    def find(self, reference: str, credentials: Sequence[Credential] | None = None) -> Image | None:
        """An image that can run at once; ImageError when the reference is not one."""
        found = self._catalogue.find(reference)
        if self._real is None or (found is not None and not found[0].stands_in):
            return found[0] if found else None
        return self._real.find(reference, credentials) or (found[0] if found else None)

    async def pull(self, reference: str, credentials: Sequence[Credential]) -> Image:
        """Get an image; ImageError says why there is none."""
        found = self._catalogue.find(reference)
        if self._real is None:
            if found is None:
                raise self._catalogue.refuse(reference)
            return found[0]
        is_here = self._real.find(reference) is not None
        if found is not None and not (found[0].stands_in and is_here):
            return found[0]
        return await self._real.pull(reference, credentials)

    async def runnable(self, image: Image) -> HostImage:
        """What a container of an image is started from."""
        if image.is_real and self._real is not None:
            return await self._real.runnable(image)
        found = self._catalogue.find(image.reference)
        if found is None:
            raise self._catalogue.refuse(image.reference)
        return found[1]

    def all(self) -> Sequence[Image]:
        """Everything that can run at once, under its own names."""
        host = [
            Image(name, found.digest, found.size_bytes)
            for found in self._catalogue.images
            if not found.obstacle()
            for name in found.names
        ]
        return [*host, *(self._real.all() if self._real else ())]

    def release(self) -> None:
        """No container runs any more."""
        if self._real is not None:
            self._real.release()
