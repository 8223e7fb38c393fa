"""Nodes: the taint that keeps pods away from a node goes when the node is ready, and comes back."""

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


def plan(node: Manifest) -> Plan:
    """Bring the taint in line with the condition `Ready`; other taints are left alone."""
    taints = [dict(taint) for taint in node["spec"].get("taints") or ()]
    ready = conditions.is_true((node.get("status") or {}).get("conditions") or (), "Ready")
    others = [taint for taint in taints if not _is_not_ready(taint)]
    wanted = others if ready else [*others, NOT_READY]
    if len(wanted) == len(taints):
        return Plan()
    spec = {**node["spec"], "taints": wanted}
    if not wanted:
        del spec["taints"]
    return Plan((plans.update(kinds.NODES, {**node, "spec": spec}),))


def _is_not_ready(taint: Mapping[str, Any]) -> bool:
    return bool((taint["key"], taint["effect"]) == (NOT_READY["key"], NOT_READY["effect"]))


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
