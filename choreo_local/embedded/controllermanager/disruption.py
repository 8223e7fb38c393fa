"""PodDisruptionBudgets: how many Pods may be evicted now. The decision is pure, the loop thin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import kinds, plans, pods, rollout
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Plan
from choreo_local.embedded.controllermanager.references import controller_of
from choreo_local.embedded.controllermanager.selectors import label_selector
from choreo_local.tasks import TaskGroup

_EVICTION_TIMEOUT = timedelta(minutes=2)
_SCALED = (
    kinds.DEPLOYMENTS,
    kinds.REPLICA_SETS,
    kinds.STATEFUL_SETS,
    kinds.REPLICATION_CONTROLLERS,
)


@dataclass(frozen=True, slots=True)
class Observed:
    """A budget, the Pods that it selects, and the sizes of their controllers together."""

    budget: Manifest
    pods: Sequence[Manifest]
    expected: int
    now: datetime


def plan(observed: Observed) -> Plan:
    """Tell how many disruptions are allowed."""
    budget = observed.budget
    before = budget.get("status") or {}
    disrupted = _disrupted(before.get("disruptedPods") or {}, observed)
    healthy = sum(
        pods.is_ready(pod)
        and not pods.is_terminating(pod)
        and pod["metadata"]["name"] not in disrupted
        for pod in observed.pods
    )
    expected, desired = _wanted(budget["spec"], observed)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status: dict[str, Any] = {
        "observedGeneration": budget["metadata"].get("generation", 0),
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "conditions": _conditions(budget, allowed, observed.now),
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    writes: tuple[plans.Write, ...] = ()
    if status != before:
        changed = {**budget, "status": status}
        writes = (plans.update_status(kinds.POD_DISRUPTION_BUDGETS, changed),)
    return Plan(writes, look_again=_EVICTION_TIMEOUT.total_seconds() if disrupted else None)


def _disrupted(known: Mapping[str, str], observed: Observed) -> dict[str, str]:
    """Pods whose eviction was allowed and that have not begun to end yet."""
    alive = {pod["metadata"]["name"]: pod for pod in observed.pods if not pods.is_terminating(pod)}
    return {
        name: moment
        for name, moment in known.items()
        if name in alive and clock.parse_timestamp(moment) + _EVICTION_TIMEOUT > observed.now
    }


def _wanted(spec: Mapping[str, Any], observed: Observed) -> tuple[int, int]:
    """How many Pods there should be, and how many of them healthy."""
    if spec.get("maxUnavailable") is not None:
        expected = observed.expected
        gone = rollout.scaled(spec["maxUnavailable"], expected, up=True)
        return expected, max(0, expected - gone)
    minimum = spec.get("minAvailable", 0)
    if isinstance(minimum, str):
        return observed.expected, rollout.scaled(minimum, observed.expected, up=True)
    return len(observed.pods), int(minimum)


def _conditions(budget: Manifest, allowed: int, now: datetime) -> list[dict[str, Any]]:
    before = ((budget.get("status") or {}).get("conditions")) or []
    known = next((each for each in before if each["type"] == "DisruptionAllowed"), None)
    state = "True" if allowed else "False"
    same = known is not None and known["status"] == state
    since = known["lastTransitionTime"] if known and same else clock.timestamp(now)
    return [
        *(each for each in before if each["type"] != "DisruptionAllowed"),
        {
            "type": "DisruptionAllowed",
            "status": state,
            "observedGeneration": budget["metadata"].get("generation", 0),
            "lastTransitionTime": since,
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
        },
    ]


class DisruptionLoop:
    """Keeps the status of PodDisruptionBudgets."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._budgets = informers.of(kinds.POD_DISRUPTION_BUDGETS)
        self._owners = {kind.kind: informers.of(kind) for kind in _SCALED}
        self._pods = Index(informers.of(kinds.PODS), _namespace)
        self._loop: Loop[ObjectKey] = Loop("disruption", self._look, workers=1)
        self._budgets.add_callback(self._budget_changed)
        informers.of(kinds.PODS).add_callback(self._pod_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _budget_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(key_of(dict(new)))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        known = [each for each in (old, new) if each is not None]
        for budget in self._budgets.list(known[0]["metadata"]["namespace"]):
            selector = label_selector(budget["spec"].get("selector"))
            if any(selector.matches(each["metadata"].get("labels") or {}) for each in known):
                self._loop.queue.add(key_of(budget))

    async def _look(self, key: ObjectKey) -> float | None:
        budget = self._budgets.get(key[1], key[0])
        if budget is None or budget["metadata"].get("deletionTimestamp"):
            return None
        selector = label_selector(budget["spec"].get("selector"))
        found = [
            pod
            for pod in self._pods.get(key[0])
            if not pods.is_finished(pod) and selector.matches(pod["metadata"].get("labels") or {})
        ]
        observed = Observed(budget, found, self._expected(found, key[0]), clock.now())
        return await self._objects.carry_out(plan(observed))

    def _expected(self, found: Sequence[Manifest], namespace: str) -> int:
        sizes: dict[str, int] = {}
        for pod in found:
            owner = self._top(pod, namespace)
            if owner is not None:
                sizes[owner["metadata"]["uid"]] = rollout.replicas(owner)
        return sum(sizes.values())

    def _top(self, obj: Manifest, namespace: str) -> Manifest | None:
        """The controller of a Pod; for a ReplicaSet of a Deployment, that."""
        reference = controller_of(obj)
        informer = self._owners.get(reference["kind"]) if reference else None
        if reference is None or informer is None:
            return None
        owner = informer.get(reference["name"], namespace)
        if owner is None:
            return None
        return self._top(owner, namespace) or owner


def _namespace(obj: Manifest) -> list[str]:
    return [obj["metadata"]["namespace"]]
