"""Caches that all control loops share: each kind is listed and watched once.

A loop that decides from a cache must not overlook what it wrote a moment ago. Therefore the answers
of our own writes enter the caches at once (`absorb`, `drop`), ahead of the watch. That replaces the
bookkeeping of expected creations and deletions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer, ListWatcher
from choreo_local.tasks import TaskGroup

ObjectKey = tuple[str, str]  # namespace, name


def key_of(obj: Manifest) -> ObjectKey:
    """Namespace and name of an object."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class SharedInformer(Informer):
    """An informer whose cache also learns from the answers of our own writes."""

    def __init__(self, client: ListWatcher, kind: ResourceKind) -> None:
        super().__init__(client, kind)
        self._dropped: set[str] = set()

    def absorb(self, obj: Manifest) -> None:
        """Take the answer of a write, unless the watch has already told of it or of later."""
        revision = int(obj["metadata"]["resourceVersion"])
        if revision <= int(self._revision or 0):
            return
        known = self.get(obj["metadata"]["name"], obj["metadata"].get("namespace"))
        if known is None or revision > int(known["metadata"]["resourceVersion"]):
            self._store(key_of(obj), obj)

    def drop(self, obj: Manifest) -> None:
        """Forget an object that we deleted; events that are still under way do not revive it."""
        key = key_of(obj)
        known = self._objects.get(key)
        uid = obj["metadata"]["uid"]
        if known is not None and known["metadata"]["uid"] == uid:
            self._drop(key)
            self._dropped.add(uid)

    def _store(self, key: ObjectKey, obj: Manifest) -> None:
        if obj["metadata"]["uid"] not in self._dropped:
            super()._store(key, obj)

    async def _relist(self) -> None:
        self._dropped.clear()
        await super()._relist()


class Index:
    """Objects of one informer by some property, e.g. Pods by the uid of their owner.

    Args:
        keys_of: the properties of an object under which it is found.
    """

    def __init__(
        self, informer: Informer, keys_of: Callable[[Manifest], Iterable[Hashable]]
    ) -> None:
        self._keys_of = keys_of
        self._found: dict[Hashable, dict[ObjectKey, Manifest]] = {}
        informer.add_callback(self._changed)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None:
            for key in self._keys_of(old):
                bucket = self._found.get(key, {})
                bucket.pop(key_of(old), None)
                if not bucket:
                    self._found.pop(key, None)
        if new is not None:
            for key in self._keys_of(new):
                self._found.setdefault(key, {})[key_of(new)] = new

    def get(self, key: Hashable) -> list[Manifest]:
        """The objects with that property; callers must not change them."""
        return list(self._found.get(key, {}).values())


class SharedInformers:
    """One informer a kind, started when somebody first asks for it.

    Implements the small protocols by which other parts of the cluster ask for informers.
    """

    def __init__(self, client: ListWatcher, tasks: TaskGroup) -> None:
        self._client = client
        self._tasks = tasks
        self._informers: dict[ResourceKind, SharedInformer] = {}
        self._runs: dict[ResourceKind, asyncio.Task[Any]] = {}

    def of(self, kind: ResourceKind) -> SharedInformer:
        """The informer of a kind."""
        informer = self._informers.get(kind)
        if informer is None:
            informer = self._informers[kind] = SharedInformer(self._client, kind)
            self._runs[kind] = self._tasks.start(informer.run(), name=f"watch {kind.plural}")
        return informer

    def known(self, kind: ResourceKind) -> SharedInformer | None:
        """The informer of a kind if there is one."""
        return self._informers.get(kind)

    def stop(self, kind: ResourceKind) -> None:
        """End the informer of a kind that is no longer served."""
        self._informers.pop(kind, None)
        run = self._runs.pop(kind, None)
        if run is not None:
            run.cancel()

    async def synced(self) -> None:
        """Wait until every informer has listed once."""
        for informer in list(self._informers.values()):
            await informer.synced.wait()
