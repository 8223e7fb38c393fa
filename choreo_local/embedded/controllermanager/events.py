"""Records what happened to objects as Events, in the background and without flooding."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.plans import Manifest, Note
from choreo_local.errors import ApiError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient

logger = logging.getLogger(__name__)

_WAITING = 1000
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1024

_Sameness = tuple[str, str, str, str, bool]


class EventRecorder:
    """Writes Events for one component; a repeated one raises the count of the first.

    Recording never fails and never blocks: when more than a thousand events wait, new ones are
    dropped, as Events are best effort everywhere.
    """

    def __init__(self, client: KubeClient, component: str) -> None:
        self._client = client
        self._component = component
        self._waiting: asyncio.Queue[Note] = asyncio.Queue(_WAITING)
        self._seen: OrderedDict[_Sameness, Manifest] = OrderedDict()

    def record(self, note: Note) -> None:
        """Record an event as soon as possible."""
        try:
            self._waiting.put_nowait(note)
        except asyncio.QueueFull:
            logger.debug("Event dropped reason=%s", note.reason)

    async def run(self) -> None:
        """Write what is recorded until cancelled."""
        while True:
            note = await self._waiting.get()
            try:
                await self._write(note)
            except (ApiError, UnreachableError) as error:
                logger.debug("Event not written reason=%s error=%s", note.reason, error)

    async def _write(self, note: Note) -> None:
        sameness = _sameness(note)
        first = self._seen.pop(sameness, None)
        event = None
        if first is not None:
            event = await self._raise_count(first)
        if event is None:
            event = await self._client.create(kinds.EVENTS, self._event(note))
        self._seen[sameness] = event
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    async def _raise_count(self, event: Manifest) -> Manifest | None:
        change = {"count": event.get("count", 1) + 1, "lastTimestamp": clock.timestamp()}
        metadata = event["metadata"]
        try:
            return await self._client.patch(
                kinds.EVENTS, metadata["name"], change, metadata["namespace"]
            )
        except NotFoundError:
            return None

    def _event(self, note: Note) -> dict[str, Any]:
        about = note.about["metadata"]
        now = clock.timestamp()
        namespace = about.get("namespace") or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{about['name']}.{int(clock.unix() * 1e9):x}",
                "namespace": namespace,
            },
            "involvedObject": _reference(note.about),
            "reason": note.reason,
            "message": note.message[:_LONGEST_MESSAGE],
            "source": {"component": self._component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if note.warning else "Normal",
            "reportingComponent": self._component,
            "reportingInstance": "",
        }


def _sameness(note: Note) -> _Sameness:
    uid = note.about["metadata"].get("uid", "")
    return uid, note.about.get("kind", ""), note.reason, note.message, note.warning


def _reference(obj: Manifest) -> dict[str, Any]:
    metadata = obj["metadata"]
    reference = {
        "kind": obj.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "apiVersion": obj.get("apiVersion"),
        "resourceVersion": metadata.get("resourceVersion"),
    }
    return {key: value for key, value in reference.items() if value}
