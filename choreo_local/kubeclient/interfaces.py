"""What a caller may ask of a cluster, in the smallest protocols that suffice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from choreo_local.apimachinery.gvk import ResourceKind

Manifest = dict[str, Any]


class PatchType(StrEnum):
    """Content types of PATCH requests."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class Propagation(StrEnum):
    """What happens to the dependants of a deleted object."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True)
class ObjectList:
    """One page or the whole of a list, and the revision from which to watch."""

    items: list[Manifest]
    resource_version: str
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Manifest


class Reader(Protocol):
    """Read objects."""

    async def get(
        self, kind: ResourceKind, name: str, namespace: str | None = None
    ) -> Manifest: ...

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList: ...


class Writer(Protocol):
    """Write objects."""

    async def create(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest: ...

    async def update(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest: ...

    async def apply(
        self, kind: ResourceKind, obj: Mapping[str, Any], *, field_manager: str, force: bool = True
    ) -> Manifest: ...

    async def patch(
        self,
        kind: ResourceKind,
        name: str,
        patch: Mapping[str, Any] | Sequence[Any],
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> Manifest: ...

    async def delete(
        self,
        kind: ResourceKind,
        name: str,
        namespace: str | None = None,
        *,
        propagation: Propagation | None = None,
    ) -> Manifest: ...


class StatusWriter(Protocol):
    """Write the status subresource."""

    async def update_status(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest: ...


class Watcher(Protocol):
    """Follow changes from a revision on."""

    def watch(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[WatchEvent]: ...


class Mapper(Protocol):
    """Find the REST name of a kind."""

    async def resolve(self, api_version: str, kind: str) -> ResourceKind: ...
