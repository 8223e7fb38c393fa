"""List and watch that keep only the metadata of objects, for those who look at nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest, ObjectList, WatchEvent

_KEPT = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
)


class MetadataClient:
    """A ListWatcher over another client."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def get(self, kind: ResourceKind, name: str, namespace: str | None = None) -> Manifest:
        """The metadata of one object."""
        return _metadata_only(await self._client.get(kind, name, namespace))

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        """The metadata of all objects."""
        found = await self._client.list(
            kind, namespace, label_selector=label_selector, field_selector=field_selector
        )
        return ObjectList([_metadata_only(each) for each in found.items], found.resource_version)

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
        """Events with metadata only."""
        events = self._client.watch(
            kind,
            namespace,
            resource_version=resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            timeout_seconds=timeout_seconds,
        )
        async for event in events:
            yield WatchEvent(event.type, _metadata_only(event.object))


def _metadata_only(obj: Manifest) -> Manifest:
    metadata = obj["metadata"]
    return {"metadata": {key: metadata[key] for key in _KEPT if key in metadata}}
