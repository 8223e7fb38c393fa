"""When the disk of the node runs full: the pod that takes most beyond what it asked for has to go.

Whoever fills the disk of a laptop takes the platform and its owner's own work down with it; limits
that a pod has are looked after elsewhere (`overuse`), here are those that have none.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Format, Quantity
from choreo_local.embedded.kubelet import diskbounds, overuse, podspec
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest

logger = logging.getLogger(__name__)

_SHARE = 100
_MOST_RESERVED = 256 << 20
_RELIEF = 2
# From here on pods belong to the cluster itself.
_CRITICAL = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Space:
    """A disk, in bytes."""

    total: int
    free: int

    @classmethod
    def of(cls, folder: Path) -> Space:
        """The disk on which a folder lies."""
        found = shutil.disk_usage(folder)
        return cls(found.total, found.free)

    @property
    def reserved(self) -> int:
        """What has to stay free: a hundredth, but no more than anybody needs."""
        return min(self.total // _SHARE, _MOST_RESERVED)

    def is_short(self, *, before: bool) -> bool:
        """Whether it runs full; once it did (`before`), it takes some more to be well again."""
        return self.free < self.reserved * (_RELIEF if before else 1)


@dataclass(frozen=True, slots=True)
class Consumer:
    """What a pod takes of the disk.

    Attributes:
        containers: bytes that each container has written to its root and its log.
        volumes: bytes in volumes that end with the pod.
    """

    pod: Manifest
    containers: Mapping[str, int]
    volumes: int

    @property
    def used(self) -> int:
        """All of it."""
        return self.volumes + sum(self.containers.values())

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Who has to go first: beyond its requests, of low priority, by how much."""
        asked = sum(_asked(one).to_int() for one in podspec.regular_containers(self.pod))
        over = self.used - asked
        return over > 0, -int(self.pod["spec"].get("priority") or 0), over


def worst(consumers: Iterable[Consumer]) -> Consumer | None:
    """The pod whose end helps most; None when none takes anything."""
    able = [
        one
        for one in consumers
        if one.used and int(one.pod["spec"].get("priority") or 0) < _CRITICAL
    ]
    return max(able, key=lambda one: one.rank, default=None)


def message(space: Space, found: Consumer) -> str:
    """Why a pod has to go, as a kubelet words it."""
    name = diskbounds.EPHEMERAL_STORAGE
    words = [
        f"The node was low on resource: {name}. ",
        f"Threshold quantity: {_bytes(space.reserved)}, available: {space.free // 1024}Ki. ",
    ]
    for container in podspec.regular_containers(found.pod):
        used, asked = found.containers.get(container["name"], 0), _asked(container)
        if used > asked.to_int():
            words.append(
                f"Container {container['name']} was using {used // 1024}Ki, request is {asked}, "
                f"has larger consumption of {name}. "
            )
    return "".join(words)


def _bytes(number: int) -> Quantity:
    return Quantity(quantity.parse(number).value, Format.BINARY)


def _asked(container: Manifest) -> Quantity:
    requests = (container.get("resources") or {}).get("requests") or {}
    return quantity.parse(requests.get(diskbounds.EPHEMERAL_STORAGE) or 0)


def measured(pod: Manifest, places: Places) -> Consumer:
    """What a pod takes now. Looks at all of its files."""
    containers = {
        one["name"]: overuse.taken(diskbounds.own_folders(pod, one, places))
        for one in podspec.every_container(pod)
    }
    return Consumer(pod, containers, overuse.taken(diskbounds.volume_folders(pod, places)))


class Evictable(Protocol):
    """A pod that can be told to end; `worker.PodWorker`."""

    @property
    def pod(self) -> Manifest: ...

    def evict(self, message: str) -> None: ...


class DiskWatch:
    """Looks at the disk of a node.

    Args:
        workers: of the pods on it.
        look: measures the disk.

    Attributes:
        is_short: whether the disk runs full.
    """

    def __init__(
        self,
        places: Places,
        workers: Callable[[], Sequence[Evictable]],
        look: Callable[[], Space] | None = None,
    ) -> None:
        self._places = places
        self._workers = workers
        self._look = look or (lambda: Space.of(places.root))
        self.is_short = False

    async def run(self, *, every_seconds: float) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.check()
            except OSError as error:
                logger.warning("Disk cannot be measured error=%s", error)

    async def check(self) -> None:
        """Look once, and have a pod go if need be."""
        space = self._look()
        self.is_short = space.is_short(before=self.is_short)
        if space.free >= space.reserved:
            return
        logger.warning("Disk runs full free=%d total=%d", space.free, space.total)
        workers = [one for one in self._workers() if not podspec.is_terminal(one.pod)]
        found = [await asyncio.to_thread(measured, worker.pod, self._places) for worker in workers]
        chosen = worst(found)
        for worker, consumer in zip(workers, found, strict=True):
            if consumer is chosen:
                worker.evict(message(space, consumer))
