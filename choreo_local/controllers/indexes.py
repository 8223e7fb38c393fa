"""Caches of the watched kinds with their indexes: owner and reference maps."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from choreo_local.controllers.observed import Manifest

# How many deleted names a cache remembers, so that a late answer does not bring one back.
_TOMBSTONES = 1000

# Extracts the keys under which an object is found again.
IndexFunction = Callable[[Manifest], Iterable[str]]


class Cache:
    """All objects of one kind, found by name and by each index."""

    def __init__(self, indexes: Mapping[str, IndexFunction]) -> None:
        self._functions = dict(indexes)
        self._objects: dict[tuple[str, str], Manifest] = {}
        self._gone: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._index: dict[str, dict[str, dict[tuple[str, str], Manifest]]] = {
            name: defaultdict(dict) for name in indexes
        }

    def get(self, namespace: str, name: str) -> Manifest | None:
        """An object by name."""
        return self._objects.get((namespace, name))

    def list(self, namespace: str | None = None) -> Sequence[Manifest]:
        """All objects, or those of a namespace, by name."""
        return [
            self._objects[key]
            for key in sorted(self._objects)
            if namespace is None or key[0] == namespace
        ]

    def by_index(self, index: str, key: str) -> Sequence[Manifest]:
        """The objects that the index function filed under `key`, by name."""
        found = self._index[index].get(key, {})
        return [found[name] for name in sorted(found)]

    def store(self, obj: Manifest) -> bool:
        """Remember a newer state; False when what is known is as new or newer."""
        key = _key(obj)
        old = self._objects.get(key)
        if old is not None:
            # The answer of our own write may arrive before the watch event of an older one.
            if _revision(old) >= _revision(obj):
                return False
            self._unfile(key, old)
        elif self._gone.get(key, -1) >= _revision(obj):
            return False
        self._objects[key] = obj
        for index, function in self._functions.items():
            for entry in keys_of(function, obj):
                self._index[index][entry][key] = obj
        return True

    def drop(self, obj: Manifest) -> None:
        """Forget an object, unless its name has been taken by a newer one."""
        key = _key(obj)
        old = self._objects.get(key)
        if old is None or old["metadata"].get("uid") != obj["metadata"].get("uid"):
            return
        self._unfile(key, old)
        del self._objects[key]
        self._gone[key] = max(_revision(old), _revision(obj))
        while len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)

    def _unfile(self, key: tuple[str, str], obj: Manifest) -> None:
        for index, function in self._functions.items():
            for entry in keys_of(function, obj):
                filed = self._index[index].get(entry)
                if filed is not None:
                    filed.pop(key, None)
                    if not filed:
                        del self._index[index][entry]


def keys_of(function: IndexFunction, obj: Manifest) -> list[str]:
    """The keys of an object; one that lacks the fields it is found by has none.

    `spec` is optional in most kinds, and what is required below it only counts when it is there.
    """
    try:
        return list(function(obj))
    except (KeyError, TypeError):
        return []


class Caches:
    """The caches of all watched kinds; implements `observed.Watched`."""

    def __init__(self, kinds: Mapping[str, Mapping[str, IndexFunction]]) -> None:
        self._caches = {kind: Cache(indexes) for kind, indexes in kinds.items()}

    def of(self, kind: str) -> Cache:
        """The cache of a kind."""
        return self._caches[kind]

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """An object by kind and name; namespace is "" for cluster-scoped kinds."""
        return self._caches[kind].get(namespace, name)

    def list(self, kind: str, namespace: str | None = None) -> Sequence[Manifest]:
        """All objects of a kind, or those of a namespace."""
        return self._caches[kind].list(namespace)

    def by_index(self, kind: str, index: str, key: str) -> Sequence[Manifest]:
        """The objects of a kind that an index filed under `key`."""
        return self._caches[kind].by_index(index, key)


def _key(obj: Manifest) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _revision(obj: Manifest) -> int:
    return int(obj["metadata"].get("resourceVersion") or 0)
