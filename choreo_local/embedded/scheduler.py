"""The scheduler: binds pending Pods to a node that fits, and says why when none does.

`obstacle` is the pure part. There is usually one node, so there is no scoring: the first that fits
is taken. Requests are compared with what a node has, not added up: a laptop runs many Pods that
ask for more than they use.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import quantity, selectors
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, BadRequestError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest, PatchType
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

NAME = "default-scheduler"
PODS = ResourceKind("", "v1", "Pod", "pods")
NODES = ResourceKind("", "v1", "Node", "nodes", namespaced=False)
EVENTS = ResourceKind("", "v1", "Event", "events")

_RETRY_SECONDS = 1.0
_KEEPING_OUT = frozenset({"NoSchedule", "NoExecute"})
_UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
_AFFINITY_MISMATCH = "node(s) didn't match Pod's node affinity/selector"

Key = tuple[str, str]


# --- decisions -----------------------------------------------------------------------------------


def choose(pod: Mapping[str, Any], nodes: Iterable[Manifest]) -> tuple[str, str]:
    """The name of a node that fits, or else an empty name and why none does."""
    obstacles: list[str] = []
    for node in nodes:
        found = obstacle(pod, node)
        if not found:
            return str(node["metadata"]["name"]), ""
        obstacles.append(found)
    if not obstacles:
        return "", "no nodes available to schedule pods"
    reasons = ", ".join(f"{count} {text}" for text, count in sorted(Counter(obstacles).items()))
    return "", f"0/{len(obstacles)} nodes are available: {reasons}."


def obstacle(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Why a pod cannot run on a node; empty when it can."""
    tolerations = pod["spec"].get("tolerations") or ()
    if node["spec"].get("unschedulable"):
        cordon = {"key": _UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
        if not _is_tolerated(cordon, tolerations):
            return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or ():
        if taint.get("effect") in _KEEPING_OUT and not _is_tolerated(taint, tolerations):
            return f"node(s) had untolerated taint(s) {{{taint['key']}: {taint.get('value', '')}}}"
    if not _is_selected(pod, node):
        return _AFFINITY_MISMATCH
    return _shortage(pod, node)


def _is_tolerated(taint: Mapping[str, Any], tolerations: Iterable[Mapping[str, Any]]) -> bool:
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    key = toleration.get("key")
    if key and key != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")


def _is_selected(pod: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    wanted = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_selects(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_selects(term: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    metadata = node["metadata"]
    names = {"metadata.name": metadata["name"]}
    return all(
        _expression_holds(found, metadata.get("labels") or {}) for found in expressions
    ) and (all(_expression_holds(found, names) for found in fields))


def _expression_holds(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    operator, key = expression.get("operator"), expression["key"]
    if operator in {"Gt", "Lt"}:
        try:
            actual, bound = int(values[key]), int(expression["values"][0])
        except (KeyError, IndexError, ValueError):
            return False
        return actual > bound if operator == "Gt" else actual < bound
    if key == "metadata.name":
        named = values[key] in (expression.get("values") or ())
        return named if operator == "In" else not named
    try:
        selector = selectors.from_dict({"matchExpressions": [expression]})
    except BadRequestError:
        return False
    return selector.matches(values)


def _shortage(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    for name in ("cpu", "memory", "ephemeral-storage"):
        asked = quantity.ZERO
        for container in pod["spec"].get("containers") or ():
            requests = (container.get("resources") or {}).get("requests") or {}
            asked += quantity.parse(requests.get(name, "0"))
        if name in allocatable and asked > quantity.parse(allocatable[name]):
            return f"Insufficient {name}"
    return ""


def is_waiting(pod: Mapping[str, Any]) -> bool:
    """Whether this scheduler is to find a node for the pod."""
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and (spec.get("schedulerName") or NAME) == NAME
        and not spec.get("schedulingGates")
        and not pod["metadata"].get("deletionTimestamp")
        and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
    )


# --- the loop ------------------------------------------------------------------------------------


class Scheduler:
    """Binds pods until stopped; a client of the kube API and of nothing else."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._tasks = TaskGroup("scheduler")
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._pods = Informer(client, PODS, field_selector="spec.nodeName=")
        self._nodes = Informer(client, NODES)
        self._pods.add_callback(self._pod_changed)
        self._nodes.add_callback(self._node_changed)

    def start(self) -> None:
        """Begin to bind."""
        self._tasks.start(self._pods.run(), name="pods")
        self._tasks.start(self._nodes.run(), name="nodes")
        self._tasks.start(self._run(), name="bind")

    async def stop(self) -> None:
        """Stop; pods that wait go on waiting."""
        await self._tasks.stop()

    @property
    def failures(self) -> dict[str, BaseException]:
        """Background tasks that died."""
        return self._tasks.failures

    def _pod_changed(self, _old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and is_waiting(new):
            self._enqueue(new)

    def _node_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and (old is None or _fitness(old) != _fitness(new)):
            for pod in self._pods.list():
                self._pod_changed(None, pod)

    def _enqueue(self, pod: Manifest) -> None:
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    async def _run(self) -> None:
        await self._nodes.synced.wait()
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            pod = self._pods.get(key[1], key[0])
            if pod is None or not is_waiting(pod):
                continue
            try:
                await self._schedule(pod)
            except NotFoundError:
                continue  # Deleted meanwhile.
            except (ApiError, UnreachableError) as error:
                logger.warning("Pod not bound Pod=%s/%s error=%s", *key, error)
                loop = asyncio.get_running_loop()
                loop.call_later(_RETRY_SECONDS, self._enqueue, pod)

    async def _schedule(self, pod: Manifest) -> None:
        node_name, message = choose(pod, self._nodes.list())
        if node_name:
            await self._bind(pod, node_name)
        elif message != _known_message(pod):
            await self._refuse(pod, message)

    async def _bind(self, pod: Manifest, node_name: str) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node_name},
        }
        await self._client.create(PODS, binding, subresource="binding")
        whole = f"{metadata['namespace']}/{metadata['name']}"
        await self._record(
            pod, "Normal", "Scheduled", f"Successfully assigned {whole} to {node_name}"
        )

    async def _refuse(self, pod: Manifest, message: str) -> None:
        metadata = pod["metadata"]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": clock.timestamp(),
        }
        await self._client.patch(
            PODS,
            metadata["name"],
            {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [condition]}},
            metadata["namespace"],
            patch_type=PatchType.STRATEGIC,
            subresource="status",
        )
        await self._record(pod, "Warning", "FailedScheduling", message)

    async def _record(self, pod: Manifest, type_: str, reason: str, message: str) -> None:
        metadata = pod["metadata"]
        now = clock.micro_timestamp()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{int(clock.unix() * 1e9):x}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "type": type_,
            "reason": reason,
            "message": message,
            "action": "Binding" if reason == "Scheduled" else "Scheduling",
            "eventTime": now,
            "reportingComponent": NAME,
            "reportingInstance": NAME,
            "source": {"component": NAME},
            "firstTimestamp": clock.timestamp(),
            "lastTimestamp": clock.timestamp(),
            "count": 1,
        }
        await self._client.create(EVENTS, event)


def _fitness(node: Manifest) -> tuple[object, ...]:
    """What of a node decides whether pods fit; heartbeats do not."""
    status = node.get("status") or {}
    return node["spec"], node["metadata"].get("labels"), status.get("allocatable")


def _known_message(pod: Manifest) -> str:
    """Why the pod was refused last."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return ""
