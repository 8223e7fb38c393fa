"""Revisioned objects: an image in memory in front of a backend that survives the process.

The kube API is the only user, and calls from one thread. A write is in the backend before the
image changes and before any watcher hears of it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from choreo_local.embedded.storage.eventlog import (
    ADDED,
    DELETED,
    MODIFIED,
    Event,
    EventLog,
    Retention,
    Stored,
)
from choreo_local.errors import RefusedError

# The byte after "/": keys of a namespace lie between "ns/" and "ns0".
_AFTER_SLASH = "0"


@dataclass(frozen=True, slots=True)
class Row:
    """What a backend keeps of an object."""

    resource: str
    key: str
    revision: int
    raw: bytes


class Backend(Protocol):
    """Keeps rows beyond the life of the process."""

    def load(self) -> Iterable[Row]:
        """All rows."""
        ...

    def revision(self) -> int:
        """The highest revision ever written."""
        ...

    def put(self, row: Row) -> None:
        """Write a row, durably against the death of the process."""
        ...

    def remove(self, resource: str, key: str, revision: int) -> None:
        """Remove a row; `revision` is that of the removal."""
        ...

    def back_up(self, path: Path) -> None:
        """Write a consistent copy while others write; in a thread of its own."""
        ...

    def close(self) -> None:
        """Release files; nothing may be written afterwards."""
        ...


class MemoryBackend:
    """Keeps nothing: for tests and throwaway clusters."""

    def load(self) -> Iterable[Row]:
        """Nothing survives."""
        return ()

    def revision(self) -> int:
        """Nothing was written."""
        return 0

    def put(self, row: Row) -> None:
        """The image in the store is enough."""

    def remove(self, resource: str, key: str, revision: int) -> None:
        """The image in the store is enough."""

    def back_up(self, path: Path) -> None:
        """There is nothing to copy from."""
        raise RefusedError("cannot copy the state: it is in memory only")

    def close(self) -> None:
        """Nothing to release."""


def key_of(namespace: str | None, name: str) -> str:
    """The key of an object: `namespace/name`, or `name` when it has no namespace."""
    return f"{namespace}/{name}" if namespace else name


class _Collection:
    __slots__ = ("_order", "items", "log")

    def __init__(self, log: EventLog) -> None:
        self.items: dict[str, Stored] = {}
        self.log = log
        self._order: list[str] | None = None

    def disorder(self) -> None:
        self._order = None

    def order(self) -> list[str]:
        if self._order is None:
            self._order = sorted(self.items)
        return self._order


class Store:
    """All objects of a cluster, by resource and key.

    Args:
        backend: where objects survive.
        retention: how much watch history is kept of each resource.
    """

    def __init__(self, backend: Backend, *, retention: Retention | None = None) -> None:
        self._backend = backend
        self._retention = retention or Retention()
        self._collections: dict[str, _Collection] = {}
        # Clients take "0" and "1" for special or empty, so a fresh cluster begins above.
        self.revision = max(backend.revision(), 1)
        self._first_revision = self.revision
        for row in backend.load():
            item = Stored(row.key, row.revision, row.raw)
            item.labels = _labels(item.fresh())
            self._collection(row.resource).items[row.key] = item

    def _collection(self, resource: str) -> _Collection:
        found = self._collections.get(resource)
        if found is None:
            log = EventLog(horizon=self._first_revision, retention=self._retention)
            found = self._collections[resource] = _Collection(log)
        return found

    def resources(self) -> list[str]:
        """The names of the resources that have or had objects."""
        return list(self._collections)

    def log(self, resource: str) -> EventLog:
        """The watch history of a resource."""
        return self._collection(resource).log

    def get(self, resource: str, key: str) -> Stored | None:
        """The current state of an object."""
        return self._collection(resource).items.get(key)

    def count(self, resource: str) -> int:
        """How many objects a resource has."""
        return len(self._collection(resource).items)

    def select(self, resource: str, namespace: str | None = None) -> list[Stored]:
        """The objects of a resource, or of one namespace of it, ordered by key."""
        collection = self._collection(resource)
        order = collection.order()
        items = collection.items
        if namespace:
            low = bisect_left(order, f"{namespace}/")
            high = bisect_left(order, f"{namespace}{_AFTER_SLASH}", low)
            order = order[low:high]
        return [items[key] for key in order]

    def select_at(
        self, resource: str, revision: int, namespace: str | None = None
    ) -> list[Stored] | None:
        """As `select`, but as things stood at an earlier revision; None when too long ago."""
        collection = self._collection(resource)
        if revision >= self.revision:
            return self.select(resource, namespace)
        if revision < collection.log.horizon:
            return None
        items = dict(collection.items)
        for event in reversed(list(collection.log.since(revision))):
            if event.previous is None:
                items.pop(event.current.key, None)
            else:
                items[event.current.key] = event.previous
        prefix = f"{namespace}/" if namespace else ""
        return [items[key] for key in sorted(items) if key.startswith(prefix)]

    def put(self, resource: str, key: str, obj: dict[str, Any]) -> Stored:
        """Create or replace an object; stamps its resourceVersion."""
        collection = self._collection(resource)
        previous = collection.items.get(key)
        current = self._next(key, obj)
        self._backend.put(Row(resource, key, current.revision, current.raw))
        self.revision = current.revision
        collection.items[key] = current
        if previous is None:
            collection.disorder()
        event = Event(ADDED if previous is None else MODIFIED, current, previous)
        collection.log.append(event)
        return current

    def remove(self, resource: str, key: str, obj: dict[str, Any]) -> Stored:
        """Remove an object; `obj` is its last state, as watchers will see it."""
        collection = self._collection(resource)
        previous = collection.items[key]
        last = self._next(key, obj)
        self._backend.remove(resource, key, last.revision)
        self.revision = last.revision
        del collection.items[key]
        collection.disorder()
        collection.log.append(Event(DELETED, last, previous))
        return last

    def rewrite(self, resource: str, key: str, obj: dict[str, Any]) -> None:
        """Change how an object reads without a new revision, after its schema has changed."""
        collection = self._collection(resource)
        old = collection.items[key]
        item = Stored(key, old.revision, _serialise(obj), _labels(obj))
        self._backend.put(Row(resource, key, item.revision, item.raw))
        collection.items[key] = item

    def _next(self, key: str, obj: dict[str, Any]) -> Stored:
        revision = self.revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        return Stored(key, revision, _serialise(obj), _labels(obj))

    def forget_old(self) -> None:
        """Compact the watch history of resources that do not change any more."""
        moment = time.monotonic()
        for collection in self._collections.values():
            collection.log.forget_old(moment)

    def back_up(self, path: Path) -> None:
        """Write a consistent copy of everything to `path`; in a thread, while the store is used."""
        self._backend.back_up(path)

    def close(self) -> None:
        """Release the backend."""
        self._backend.close()


def _serialise(obj: dict[str, Any]) -> bytes:
    # Kind and apiVersion come first, so that lists and other versions can cut or replace them
    # without parsing.
    ordered = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
    ordered.update(obj)
    return orjson.dumps(ordered)


def _labels(obj: dict[str, Any]) -> dict[str, str] | None:
    return obj["metadata"].get("labels") or None
