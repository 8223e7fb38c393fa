"""One kopf operator: registry, settings, login, start and stop.

kopf owns the watch streams: each event of a watched kind goes to the runtime's caches and queue,
and to nothing else of kopf (its change handlers would cost three writes an object). The operator
runs in the loop of whoever calls `run`, beside the workers of the queue.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import kopf

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.controllers import webhooks
from choreo_local.controllers.relists import Relists
from choreo_local.controllers.runtime import Runtime
from choreo_local.controllers.webhooks import AdmissionServer
from choreo_local.tasks import TaskGroup

# Opens the session that kopf watches through, and says the server's base URL.
Login = Callable[[], tuple[str, aiohttp.ClientSession]]

_WORKERS = 8
_IDENTITY: Any = "choreo"


class Operator:
    """Feeds a runtime from the watch streams of a control plane.

    `started` is set when the watches begin; `ended`, which other threads may wait for, when `run`
    is over.

    Args:
        runtime: caches, queue and controllers.
        login: opens kopf's own connection to the control plane.
        admission: where the API server reaches our webhooks; None when it has our checks in itself.
    """

    def __init__(
        self, runtime: Runtime, *, login: Login, admission: AdmissionServer | None = None
    ) -> None:
        self.started = asyncio.Event()
        self.ended = threading.Event()
        self._runtime = runtime
        self._kinds = {kind.plural: kind for kind in runtime.kinds.values()}
        self._relists = Relists(runtime)
        self._login = login
        self._admission = admission
        self._stop = asyncio.Event()
        self._listed = False
        self._unseen: set[str] = set()

    async def run(self) -> None:
        """Run until `stop`; raises what made the operator end."""
        workers = TaskGroup("controllers")
        for number in range(_WORKERS):
            workers.start(self._runtime.run_worker(), name=f"worker-{number}")
        workers.start(self._relists.run(), name="relists")
        try:
            await kopf.operator(
                registry=self._registry(),
                settings=_settings(self._admission),
                # kopf would look for the name of a user who may have none.
                identity=_IDENTITY,
                standalone=True,
                clusterwide=True,
                ready_flag=self.started,
                stop_flag=self._stop,
            )
        finally:
            await workers.stop()
            self._runtime.queue.close()
            self._relists.close()
            self.ended.set()

    def stop(self) -> None:
        """End `run`; to be called in its loop."""
        self._stop.set()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            server, session = self._login()
            session.trace_configs.append(self._relists.tracing())
            return kopf.AiohttpSession(server=server, aiohttp_session=session)

        for group, version in {(kind.group, kind.version) for kind in self._runtime.kinds.values()}:
            self._watch(registry, group, version)
        if self._admission is not None:
            webhooks.register(registry)
        return registry

    def _watch(self, registry: kopf.OperatorRegistry, group: str, version: str) -> None:
        """Two handlers for all kinds of a group: kopf asks each handler about each event."""
        where = (group, version, kopf.EVERYTHING)

        # Indexing comes before any event is delivered, so the first pass sees complete caches.
        @kopf.index(*where, id=f"list-{group}", registry=registry, when=self._is_listing)
        async def listed(body: kopf.Body, resource: kopf.Resource, **_: Any) -> None:
            kind = self._kinds.get(resource.plural)
            if kind is not None:
                self._runtime.caches.of(kind.kind).store(_plain(body, kind))
                self._unseen.add(body["metadata"]["uid"])

        @kopf.on.event(*where, id=f"watch-{group}", registry=registry)
        async def event(event: Mapping[str, Any], resource: kopf.Resource, **_: Any) -> None:
            kind = self._kinds.get(resource.plural)
            if kind is not None:
                self._saw(kind, event)

    def _saw(self, kind: ResourceKind, event: Mapping[str, Any]) -> None:
        self._listed = True
        obj = _plain(event["object"], kind)
        # What came while the lists were read is in the caches, and nobody was woken by it.
        unseen = obj["metadata"]["uid"] in self._unseen
        self._unseen.discard(obj["metadata"]["uid"])
        if event["type"] == "DELETED":
            self._runtime.deleted(kind.kind, obj)
        elif event["type"] is None or unseen:
            self._runtime.listed(kind.kind, obj)
        else:
            self._runtime.changed(kind.kind, obj)

    def _is_listing(self, **_: Any) -> bool:
        return not self._listed


def _plain(obj: Mapping[str, Any], kind: ResourceKind) -> dict[str, Any]:
    # Items of a list carry neither.
    return {"apiVersion": kind.api_version, "kind": kind.kind, **obj}


class _NoDiffs(kopf.DiffBaseStorage):
    """Remembers no last state: nothing asks for it, and copies of all objects cost much."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        """Nothing is compared."""
        del body, extra_fields
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Remembers no progress of change handlers, as there are none."""

    def fetch(self, *, key: Any, body: kopf.Body) -> None:
        """Nothing was stored."""

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Store nothing."""

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """There is nothing to remove."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Leave the object alone."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Our own words are in no object."""
        return essence


def _settings(admission: AdmissionServer | None) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    if admission is not None:
        webhooks.configure(settings, admission)
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.persistence.progress_storage = _NoProgress()
    # Bookmarks come every half minute; a stream without any is dead.
    settings.watching.inactivity_timeout = 90
    settings.queueing.idle_timeout = 1.0
    settings.networking.request_timeout = 30
    logging.getLogger("kopf.objects").setLevel(logging.ERROR)
    return settings
