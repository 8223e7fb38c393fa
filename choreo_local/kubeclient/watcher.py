"""List then watch: a cache of one kind that follows the cluster, and tells of every change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, ExpiredError, UnreachableError
from choreo_local.kubeclient.interfaces import Manifest, Reader, Watcher

logger = logging.getLogger(__name__)

# Called with the old and the new state of an object: None before it exists and after it is gone.
OnChange = Callable[[Manifest | None, Manifest | None], None]

_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 10.0
# A stream that lasted this long was of use, even when nothing happened meanwhile.
_USEFUL_SECONDS = 1.0


class _Pace:
    """How long to wait before the next try: longer with each that came to nothing."""

    def __init__(self) -> None:
        self._delay = 0.0

    def went_well(self) -> None:
        self._delay = 0.0

    def pause(self, *, failed: bool) -> float:
        """Seconds to wait; the first try after something useful is at once, unless it failed."""
        delay = max(self._delay, _FIRST_DELAY_SECONDS if failed else 0.0)
        self._delay = min(max(delay * 2, _FIRST_DELAY_SECONDS), _LONGEST_DELAY_SECONDS)
        return delay * (1 + clock.jitter(0.2))


class ListWatcher(Reader, Watcher, Protocol):
    """What an informer needs of a client."""


class Informer:
    """Follows all objects of one kind, optionally of one namespace or selection.

    `run` never ends by itself: a stream that breaks is resumed, an expired revision is listed
    anew, an unreachable server is tried again with back-off. Callbacks run in the loop of `run`,
    in the order of changes, and must not block.
    """

    def __init__(
        self,
        client: ListWatcher,
        kind: ResourceKind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        on_change: OnChange | None = None,
    ) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        self._client = client
        self._namespace = namespace
        self._labels = label_selector
        self._fields = field_selector
        self._callbacks: list[OnChange] = [on_change] if on_change else []
        self._objects: dict[tuple[str, str], Manifest] = {}
        self._revision = ""
        self._pace = _Pace()

    def add_callback(self, on_change: OnChange) -> None:
        """Also tell `on_change` of every change; of what is already known, at once."""
        self._callbacks.append(on_change)
        for obj in list(self._objects.values()):
            on_change(None, obj)

    def get(self, name: str, namespace: str | None = None) -> Manifest | None:
        """An object of the cache; callers must not change it."""
        return self._objects.get((namespace or "", name))

    def list(self, namespace: str | None = None) -> Iterable[Manifest]:
        """All cached objects, or those of a namespace; callers must not change them."""
        if namespace is None:
            return list(self._objects.values())
        return [obj for (found, _), obj in self._objects.items() if found == namespace]

    async def run(self) -> None:
        """Follow the kind until cancelled."""
        while True:
            failed = False
            try:
                if not self._revision:
                    await self._relist()
                await self._follow()
            except ExpiredError:
                self._revision = ""
            except (ApiError, UnreachableError) as error:
                failed = True
                logger.warning("Watch failed kind=%s error=%s", self.kind.plural, error)
            await asyncio.sleep(self._pace.pause(failed=failed))

    async def _relist(self) -> None:
        found = await self._client.list(
            self.kind,
            self._namespace,
            label_selector=self._labels,
            field_selector=self._fields,
        )
        fresh = {_key(obj): obj for obj in found.items}
        for key in [key for key in self._objects if key not in fresh]:
            self._drop(key)
        for key, obj in fresh.items():
            self._store(key, obj)
        self._revision = found.resource_version
        self.synced.set()

    async def _follow(self) -> None:
        began = asyncio.get_running_loop().time()
        events = self._client.watch(
            self.kind,
            self._namespace,
            resource_version=self._revision,
            label_selector=self._labels,
            field_selector=self._fields,
        )
        async for event in events:
            self._pace.went_well()
            self._revision = event.object["metadata"]["resourceVersion"]
            if event.type == "BOOKMARK":
                continue
            if event.type == "DELETED":
                self._drop(_key(event.object))
            else:
                self._store(_key(event.object), event.object)
        if asyncio.get_running_loop().time() - began > _USEFUL_SECONDS:
            self._pace.went_well()

    def _store(self, key: tuple[str, str], obj: Manifest) -> None:
        old = self._objects.get(key)
        if old is not None and _revision(old) == _revision(obj):
            return
        self._objects[key] = obj
        self._tell(old, obj)

    def _drop(self, key: tuple[str, str]) -> None:
        old = self._objects.pop(key, None)
        if old is not None:
            self._tell(old, None)

    def _tell(self, old: Manifest | None, new: Manifest | None) -> None:
        for callback in self._callbacks:
            callback(old, new)


def _key(obj: Manifest) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _revision(obj: Manifest) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
