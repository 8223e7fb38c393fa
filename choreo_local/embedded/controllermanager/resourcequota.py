"""ResourceQuotas: how much of the hard limits is used. The sums are pure, the loop thin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import goquantity, kinds, plans, pods
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Plan
from choreo_local.tasks import TaskGroup

# Names by which quotas count whole objects, besides `count/<plural>.<group>`.
_COUNTED = {
    "pods": kinds.PODS,
    "services": kinds.SERVICES,
    "configmaps": kinds.CONFIG_MAPS,
    "secrets": kinds.SECRETS,
    "persistentvolumeclaims": kinds.PERSISTENT_VOLUME_CLAIMS,
    "replicationcontrollers": kinds.REPLICATION_CONTROLLERS,
    "resourcequotas": kinds.RESOURCE_QUOTAS,
}
_BY_COUNT_NAME = {
    kind.group_resource: kind
    for kind in (
        *_COUNTED.values(),
        kinds.DEPLOYMENTS,
        kinds.REPLICA_SETS,
        kinds.STATEFUL_SETS,
        kinds.DAEMON_SETS,
        kinds.JOBS,
        kinds.CRON_JOBS,
        kinds.SERVICE_ACCOUNTS,
        kinds.ENDPOINTS,
    )
}
Objects_ = Callable[[ResourceKind], Sequence[Manifest]]


def plan(quota: Manifest, objects: Objects_) -> Plan:
    """Tell the usage of each limit that can be measured."""
    hard: Mapping[str, Any] = quota["spec"].get("hard") or {}
    scoped = [pod for pod in objects(kinds.PODS) if _in_scope(quota["spec"], pod)]
    used: dict[str, str] = {}
    for name in hard:
        amount = usage(name, scoped, objects)
        if amount is not None:
            binary = goquantity.is_binary(hard[name]) or name.endswith(("memory", "storage"))
            used[name] = goquantity.canonical(amount, binary=binary)
    status = {"hard": dict(hard), "used": used}
    if status == {key: (quota.get("status") or {}).get(key) for key in status}:
        return Plan()
    return Plan((plans.update_status(kinds.RESOURCE_QUOTAS, {**quota, "status": status}),))


def usage(name: str, scoped: Sequence[Manifest], objects: Objects_) -> Decimal | None:
    """The present usage of a limit; None for limits that this cluster does not measure."""
    if name.startswith("count/"):
        kind = _BY_COUNT_NAME.get(name.removeprefix("count/"))
        return None if kind is None else Decimal(len(objects(kind)))
    if name == "pods":
        return Decimal(sum(not pods.is_finished(pod) for pod in scoped))
    if name in _COUNTED:
        return Decimal(len(objects(_COUNTED[name])))
    if name in ("services.nodeports", "services.loadbalancers"):
        return Decimal(_service_count(name, objects(kinds.SERVICES)))
    if name == "requests.storage":
        return _sum(
            (each["spec"].get("resources") or {}, "requests", "storage")
            for each in objects(kinds.PERSISTENT_VOLUME_CLAIMS)
        )
    return _compute(name, scoped)


def _service_count(name: str, services: Sequence[Manifest]) -> int:
    if name == "services.loadbalancers":
        return sum(each["spec"].get("type") == "LoadBalancer" for each in services)
    return sum(
        bool(port.get("nodePort")) for each in services for port in each["spec"].get("ports") or ()
    )


def _compute(name: str, scoped: Sequence[Manifest]) -> Decimal | None:
    field, _, resource = name.rpartition(".")
    if field == "":
        field, resource = "requests", name
    if field not in ("requests", "limits"):
        return None
    alive = [pod for pod in scoped if not pods.is_finished(pod)]
    return sum((_of_pod(pod, field, resource) for pod in alive), Decimal(0))


def _of_pod(pod: Manifest, field: str, resource: str) -> Decimal:
    """What a Pod asks for: its containers together, or the largest init container."""
    running = _sum((c.get("resources") or {}, field, resource) for c in pod["spec"]["containers"])
    starting = [
        _sum([(each.get("resources") or {}, field, resource)])
        for each in pod["spec"].get("initContainers") or ()
    ]
    return max([running, *starting])


def _sum(entries: Iterable[tuple[Mapping[str, Any], str, str]]) -> Decimal:
    return sum(
        (
            goquantity.number((each.get(field) or {}).get(name, "0"))
            for each, field, name in entries
        ),
        Decimal(0),
    )


def _in_scope(spec: Mapping[str, Any], pod: Manifest) -> bool:
    scopes = list(spec.get("scopes") or ())
    selectors = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes += [each["scopeName"] for each in selectors if each.get("operator") == "Exists"]
    priority = pod["spec"].get("priorityClassName")
    for each in selectors:
        listed = priority in (each.get("values") or ())
        if each.get("operator") in ("In", "NotIn") and listed != (each["operator"] == "In"):
            return False
    has_deadline = pod["spec"].get("activeDeadlineSeconds") is not None
    facts = {
        "Terminating": has_deadline,
        "NotTerminating": not has_deadline,
        "BestEffort": _is_best_effort(pod),
        "NotBestEffort": not _is_best_effort(pod),
        "PriorityClass": bool(priority),
    }
    return all(facts.get(scope, True) for scope in scopes)


def _is_best_effort(pod: Manifest) -> bool:
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    return not any(
        (each.get("resources") or {}).get(field)
        for each in containers
        for field in ("requests", "limits")
    )


class ResourceQuotaLoop:
    """Keeps the status of ResourceQuotas."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._quotas = informers.of(kinds.RESOURCE_QUOTAS)
        self._indexes = {
            kind: Index(informers.of(kind), lambda obj: [obj["metadata"]["namespace"]])
            for kind in dict.fromkeys(_BY_COUNT_NAME.values())
        }
        self._loop: Loop[ObjectKey] = Loop("resourcequota", self._look, workers=1)
        self._quotas.add_callback(self._quota_changed)
        for kind in self._indexes:
            informers.of(kind).add_callback(self._object_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _quota_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(key_of(dict(new)))

    def _object_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        changed = new or old or {}
        if (
            changed.get("kind") == kinds.RESOURCE_QUOTAS.kind
            and old is not None
            and new is not None
        ):
            return
        for quota in self._quotas.list(changed["metadata"]["namespace"]):
            self._loop.queue.add_after(key_of(quota), 0.02)

    async def _look(self, key: ObjectKey) -> float | None:
        quota = self._quotas.get(key[1], key[0])
        if quota is None:
            return None

        def objects(kind: ResourceKind) -> Sequence[Manifest]:
            return self._indexes[kind].get(key[0])

        return await self._objects.carry_out(plan(quota, objects))
