"""Events of pods and of the node: written in the background, repeated ones counted."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubelet import kinds
from choreo_local.errors import ApiError, NotFoundError, UnreachableError
from choreo_local.kubeclient.interfaces import Manifest

logger = logging.getLogger(__name__)

NORMAL, WARNING = "Normal", "Warning"
_WAITING = 1000
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1024


class EventWriter(Protocol):
    """What a recorder needs of a client."""

    async def create(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest: ...

    async def patch(
        self, kind: ResourceKind, name: str, patch: Mapping[str, Any], namespace: str | None = None
    ) -> Manifest: ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object.

    Attributes:
        field_path: which container of a pod, e.g. `spec.containers{main}`.
    """

    about: Mapping[str, Any]
    type: str
    reason: str
    message: str
    field_path: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Events with the same key are one event that happened several times."""
        metadata = self.about["metadata"]
        return (
            metadata.get("uid") or metadata["name"],
            self.field_path,
            self.type,
            self.reason,
            self.message,
        )


class EventRecorder:
    """Writes events as one component of a node. Recording never blocks and never fails.

    Args:
        host: name of the node; empty for components that belong to none.
    """

    def __init__(self, client: EventWriter, *, component: str, host: str = "") -> None:
        self._client = client
        self._component = component
        self._host = host
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(_WAITING)
        self._seen: OrderedDict[tuple[str, ...], Manifest] = OrderedDict()

    def record(self, event: Event) -> None:
        """Have an event written soon; dropped when too many wait already."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            logger.warning("Event dropped reason=%s", event.reason)

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            event = await self._waiting.get()
            try:
                await self._write(event)
            except (ApiError, UnreachableError) as error:
                logger.debug("Event not written reason=%s error=%s", event.reason, error)

    async def _write(self, event: Event) -> None:
        written = await self._count(self._seen.pop(event.key, None))
        if written is None:
            written = await self._client.create(kinds.EVENTS, self._manifest(event))
        self._seen[event.key] = written
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    async def _count(self, known: Manifest | None) -> Manifest | None:
        if known is None:
            return None
        change = {"count": int(known.get("count") or 1) + 1, "lastTimestamp": clock.timestamp()}
        metadata = known["metadata"]
        try:
            return await self._client.patch(
                kinds.EVENTS, metadata["name"], change, metadata["namespace"]
            )
        except NotFoundError:
            return None

    def _manifest(self, event: Event) -> dict[str, Any]:
        about = event.about["metadata"]
        now = clock.timestamp()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{about['name']}.{int(clock.unix() * 1e9):x}",
                "namespace": about.get("namespace") or "default",
            },
            "involvedObject": reference(event.about, event.field_path),
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:_LONGEST_MESSAGE],
            "source": {"component": self._component} | ({"host": self._host} if self._host else {}),
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def reference(about: Mapping[str, Any], field_path: str = "") -> dict[str, Any]:
    """The `involvedObject` of an event."""
    metadata = about["metadata"]
    found = {
        "apiVersion": about.get("apiVersion", "v1"),
        "kind": about.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {key: value for key, value in found.items() if value}
