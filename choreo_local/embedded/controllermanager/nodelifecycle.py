"""Nodes: taints keep pods away from one that is not ready or lacks disk, and go when it is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import conditions
from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Plan
from choreo_local.tasks import TaskGroup

NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
DISK_PRESSURE = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}


def plan(node: Manifest) -> Plan:
    """Bring taints in line with conditions; other taints are left alone."""
    taints = [dict(taint) for taint in node["spec"].get("taints") or ()]
    told = (node.get("status") or {}).get("conditions") or ()
    meant = [
        *([] if conditions.is_true(told, "Ready") else [NOT_READY]),
        *([DISK_PRESSURE] if conditions.is_true(told, "DiskPressure") else []),
    ]
    kept = [taint for taint in taints if not _is_ours(taint) or _names(taint) in map(_names, meant)]
    known = {_names(taint) for taint in kept}
    wanted = [*kept, *(taint for taint in meant if _names(taint) not in known)]
    if wanted == taints:
        return Plan()
    spec = {**node["spec"], "taints": wanted}
    if not wanted:
        del spec["taints"]
    return Plan((plans.update(kinds.NODES, {**node, "spec": spec}),))


def _names(taint: Mapping[str, Any]) -> tuple[str, str]:
    return taint["key"], taint["effect"]


def _is_ours(taint: Mapping[str, Any]) -> bool:
    return _names(taint) in {_names(NOT_READY), _names(DISK_PRESSURE)}


class NodeLifecycleLoop:
    """Looks at each node when it changes."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._nodes = informers.of(kinds.NODES)
        self._loop: Loop[str] = Loop("node lifecycle", self._look, workers=1)
        self._nodes.add_callback(self._changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        del old
        if new is not None:
            self._loop.queue.add(new["metadata"]["name"])

    async def _look(self, name: str) -> float | None:
        node = self._nodes.get(name)
        return None if node is None else await self._objects.carry_out(plan(node))
