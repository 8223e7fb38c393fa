"""What watch caches keep of an object: a platform has thousands, and most of each is never read.

`Trimmed` stands between an informer and its client; the functions beside it are pure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.interfaces import Manifest, ObjectList, WatchEvent
from choreo_local.kubeclient.watcher import ListWatcher

_METADATA = (
    "name",
    "namespace",
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
)
_COUNTED = {"Deployment": "replicas", "StatefulSet": "replicas", "Job": "completions"}


def metadata_only(obj: Mapping[str, Any]) -> Manifest:
    """The object with the metadata that is read; everything else stays."""
    found = obj["metadata"]
    return {**obj, "metadata": {key: found[key] for key in _METADATA if key in found}}


def release(obj: Mapping[str, Any]) -> Manifest:
    """A ComponentRelease: whose it is, without the types it froze."""
    owner = (obj.get("spec") or {}).get("owner") or {}
    return {**metadata_only(obj), "spec": {"owner": owner}}


def rendered_release(obj: Mapping[str, Any]) -> Manifest:
    """A RenderedRelease: whose it is, and how many pods its workloads have and want."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    kept = {key: value for key, value in spec.items() if key != "resources"}
    workloads = [
        {"id": item["id"], "object": _counts(item["object"])}
        for item in spec.get("resources") or ()
        if item["object"].get("kind") in _COUNTED
    ]
    ids = {item["id"] for item in workloads}
    live = [entry for entry in status.get("resources") or () if entry.get("id") in ids]
    return {
        **metadata_only(obj),
        "spec": {**kept, "resources": workloads},
        "status": {**status, "resources": live},
    }


def _counts(manifest: Mapping[str, Any]) -> Manifest:
    field = _COUNTED[manifest["kind"]]
    spec = manifest.get("spec") or {}
    return {"kind": manifest["kind"], "spec": {field: spec[field]} if field in spec else {}}


def pod(obj: Mapping[str, Any]) -> Manifest:
    """A Pod: its labels, the names of its containers, its status."""
    containers = (obj.get("spec") or {}).get("containers") or ()
    names = [{"name": container.get("name", "")} for container in containers]
    return {**metadata_only(obj), "spec": {"containers": names}}


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
