"""The images of an engine: those of our own store, loaded when a container wants them.

Pulling, secrets, mirrors and policies are the store's; an engine is never asked to pull. What is
loaded is named after the instance, so that it can be removed with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from choreo_local.embedded.kubelet.docker import archives, machine
from choreo_local.embedded.kubelet.docker.archives import Layer
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError
from choreo_local.embedded.kubelet.docker.marks import image_name
from choreo_local.embedded.kubelet.runtime import StartError

_CHUNK = 1 << 20


class EngineImages:
    """Loads images into an engine, each once.

    Args:
        instance_id: whose images they are.
    """

    def __init__(self, engine: Engine, instance_id: str) -> None:
        self._engine = engine
        self._instance_id = instance_id
        self._loaded: set[str] = set()
        self._lock = asyncio.Lock()

    async def machine(self) -> str:
        """The name of the image that shows the programs of this machine."""
        made = archives.machine_image(machine.root_links())
        name = self.name(made.digest)
        await self.load(name, made.config, [made.layer])
        return name

    def name(self, digest: str) -> str:
        """What an image is called in the engine, by the digest of its configuration."""
        return image_name(self._instance_id, digest)

    async def has(self, name: str) -> bool:
        """Whether an image is there."""
        if name in self._loaded:
            return True
        try:
            await self._engine.get(f"/images/{name}/json")
        except EngineError as error:
            if error.is_missing:
                return False
            raise
        self._loaded.add(name)
        return True

    async def load(self, name: str, config: bytes, layers: Sequence[Layer]) -> None:
        """Load an image unless it is there."""
        async with self._lock:
            if not await self.has(name):
                await self._load(name, config, layers)
                self._loaded.add(name)

    async def _load(self, name: str, config: bytes, layers: Sequence[Layer]) -> None:
        content = _content(archives.parts(name, config, layers))
        answers = await self._engine.upload("/images/load", content, {"quiet": 1})
        for answer in answers:
            if answer.get("error"):
                raise StartError(f"the container engine cannot load the image: {answer['error']}")


async def _content(parts: Iterator[bytes | Path]) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        with part.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _CHUNK):
                yield piece
