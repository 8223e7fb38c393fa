"""What the kube API serves: builtin resources and those of CustomResourceDefinitions.

`crds` adds and removes custom resources while the server runs; discovery, routing and watches look
things up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.apimachinery.schema.validation import Validator
from choreo_local.embedded.kubeapi.resources import ServedResource
from choreo_local.embedded.storage.eventlog import Stored

# Types that are two views of the same objects: served resource → where the objects lie.
_SHARED_STORAGE = {"events.events.k8s.io": "events"}


class Converter(Protocol):
    """Takes custom objects from one version to another."""

    async def prepare(self, items: Iterable[Stored], api_version: str) -> None: ...

    def known(self, obj: dict[str, Any], api_version: str) -> dict[str, Any]: ...

    async def to_version(self, obj: dict[str, Any], api_version: str) -> dict[str, Any]: ...

    def remember(self, stored: Stored, obj: dict[str, Any]) -> None: ...


class Collection:
    """A served resource and where its objects lie.

    Attributes:
        served: the description of the resource.
        kind: its type and REST name.
        storage: the name of the resource in the store.
        prefix: how the JSON text of each object begins, kind and apiVersion.
        validator: of the schema, for custom resources.
        converter: takes stored objects to the version of the resource and back; None when nothing
            but their apiVersion differs.
        terminating: the CRD is being deleted: nothing may be created any more.
    """

    __slots__ = (
        "converter",
        "kind",
        "prefix",
        "served",
        "storage",
        "storage_version",
        "terminating",
        "validator",
    )

    def __init__(self, served: ServedResource, *, storage_version: str | None = None) -> None:
        self.served = served
        self.kind: ResourceKind = served.kind
        name = served.kind.group_resource
        self.storage = _SHARED_STORAGE.get(name, name)
        self.storage_version = storage_version or served.kind.version
        self.prefix = _prefix(served.kind.kind, served.kind.api_version)
        self.validator = (
            Validator(served.schema) if served.custom and served.schema is not None else None
        )
        self.converter: Converter | None = None
        self.terminating = False

    @property
    def is_stored_version(self) -> bool:
        """Whether objects are stored in the version of this resource."""
        return self.storage_version == self.kind.version


def _prefix(kind: str, api_version: str) -> bytes:
    return f'{{"kind":"{kind}","apiVersion":"{api_version}",'.encode()


class Registry:
    """All served resources, by group, version and plural."""

    def __init__(self, builtin: Iterable[ServedResource] = ()) -> None:
        self._collections: dict[tuple[str, str, str], Collection] = {}
        self._groups: dict[str, dict[str, int]] = {}
        # Discovery caches its documents until this changes.
        self.generation = 0
        for served in builtin:
            self.add(Collection(served))

    def add(self, collection: Collection) -> None:
        """Serve a resource, or replace the description of one that is served."""
        kind = collection.kind
        key = (kind.group, kind.version, kind.plural)
        versions = self._groups.setdefault(kind.group, {})
        if key not in self._collections:
            versions[kind.version] = versions.get(kind.version, 0) + 1
        self._collections[key] = collection
        self.generation += 1

    def remove(self, group: str, version: str, plural: str) -> None:
        """Stop serving a resource; its objects stay where they are."""
        if self._collections.pop((group, version, plural), None) is None:
            return
        versions = self._groups[group]
        versions[version] -= 1
        if not versions[version]:
            del versions[version]
        if not versions:
            del self._groups[group]
        self.generation += 1

    def find(self, group: str, version: str, plural: str) -> Collection | None:
        """The resource behind a URL."""
        return self._collections.get((group, version, plural))

    def find_kind(self, api_version: str, kind: str) -> Collection | None:
        """The resource that serves a kind."""
        for collection in self._collections.values():
            found = collection.kind
            if found.kind == kind and found.api_version == api_version:
                return collection
        return None

    def find_group_resource(self, group: str, plural: str) -> Collection | None:
        """A resource in whichever version is served first."""
        for (found_group, _, found_plural), collection in self._collections.items():
            if (found_group, found_plural) == (group, plural):
                return collection
        return None

    def has_group(self, group: str) -> bool:
        """Whether anything of a group is served."""
        return group in self._groups

    def has_builtin(self, group: str) -> bool:
        """Whether a group is served that is not made of custom resources alone."""
        return any(
            found == group and not collection.served.custom
            for (found, _, _), collection in self._collections.items()
        )

    def has_version(self, group: str, version: str) -> bool:
        """Whether anything of a group and version is served."""
        return version in self._groups.get(group, ())

    def __iter__(self) -> Iterator[Collection]:
        return iter(list(self._collections.values()))

    def served(self) -> list[ServedResource]:
        """The descriptions of all resources, as discovery needs them."""
        return [collection.served for collection in self._collections.values()]
