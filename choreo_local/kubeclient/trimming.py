"""A list-watcher that keeps less of objects than it is told: caches hold thousands of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.interfaces import Manifest, ObjectList, WatchEvent
from choreo_local.kubeclient.watcher import ListWatcher


class Trimmed:
    """A list-watcher whose objects went through `trim`."""

    def __init__(self, client: ListWatcher, trim: Callable[[Mapping[str, Any]], Manifest]) -> None:
        self._client = client
        self._trim = trim

    async def get(self, kind: ResourceKind, name: str, namespace: str | None = None) -> Manifest:
        """One object."""
        return self._trim(await self._client.get(kind, name, namespace))

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        """All objects."""
        found = await self._client.list(
            kind, namespace, label_selector=label_selector, field_selector=field_selector
        )
        return replace(found, items=[self._trim(obj) for obj in found.items])

    async def watch(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Changes."""
        events = self._client.watch(
            kind,
            namespace,
            resource_version=resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            timeout_seconds=timeout_seconds,
        )
        async for event in events:
            yield (
                event
                if event.type == "BOOKMARK"
                else replace(event, object=self._trim(event.object))
            )
