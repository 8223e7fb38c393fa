"""The loop that mirrors Endpoints of Services without selector into EndpointSlices."""

from __future__ import annotations

from choreo_local.embedded.controllermanager import endpoints_plan, kinds, mirroring_plan
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.tasks import TaskGroup


class EndpointMirroringLoop:
    """Follows Endpoints, Services and the slices that it made."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._services = informers.of(kinds.SERVICES)
        self._endpoints = informers.of(kinds.ENDPOINTS)
        self._slices = informers.of(kinds.ENDPOINT_SLICES)
        self._slices_by_service = Index(self._slices, _service_of_slice)
        self._loop: Loop[ObjectKey] = Loop("endpoint mirroring", self._look, workers=1)
        self._services.add_callback(self._changed)
        self._endpoints.add_callback(self._changed)
        self._slices.add_callback(self._slice_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._loop.queue.add(key_of(dict(new or old or {})))

    def _slice_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            for key in _service_of_slice(dict(each)) if each is not None else ():
                self._loop.queue.add(key)

    async def _look(self, key: ObjectKey) -> float | None:
        for informer in (self._services, self._endpoints, self._slices):
            await informer.synced.wait()
        plan = mirroring_plan.plan(
            self._endpoints.get(key[1], key[0]),
            self._services.get(key[1], key[0]),
            self._slices_by_service.get(key),
        )
        return await self._objects.carry_out(plan)


def _service_of_slice(obj: Manifest) -> list[ObjectKey]:
    labels = obj["metadata"].get("labels") or {}
    if labels.get(endpoints_plan.MANAGED_BY) != mirroring_plan.CONTROLLER:
        return []
    name = labels.get(endpoints_plan.SERVICE_NAME)
    return [(obj["metadata"]["namespace"], name)] if name else []
