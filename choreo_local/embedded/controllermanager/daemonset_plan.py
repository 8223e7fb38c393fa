"""DaemonSet → one Pod a node: one look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import (
    controllerrevisions,
    kinds,
    nodefit,
    plans,
    pods,
    rollout,
)
from choreo_local.embedded.controllermanager.controllerrevisions import POD_REVISION, History
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write
from choreo_local.embedded.controllermanager.references import controller_reference
from choreo_local.embedded.controllermanager.templatehash import template_hash

_GENERATION = "pod-template-generation"
_DEFAULT_HISTORY = 10
# A Pod that fails at once is not replaced faster than this.
_FAILED_PAUSE = timedelta(seconds=5)
_NODE_TAINTS = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use."""

    set: Manifest
    pods: Sequence[Manifest]
    nodes: Sequence[Manifest]
    revisions: Sequence[Manifest]
    now: datetime


@dataclass(slots=True)
class _Look:
    observed: Observed
    history: History
    hash: str
    by_node: dict[str, list[Manifest]]
    writes: list[Write]
    notes: list[Note] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def set(self) -> Manifest:
        return self.observed.set

    def is_available(self, pod: Manifest) -> bool:
        seconds = int(self.set["spec"].get("minReadySeconds", 0))
        return pods.is_available(pod, seconds, self.observed.now)

    def is_new(self, pod: Manifest) -> bool:
        return bool((pod["metadata"].get("labels") or {}).get(POD_REVISION) == self.hash)

    def delete(self, pod: Manifest) -> None:
        message = f"Deleted pod: {pod['metadata']['name']}"
        note = Note(self.set, "SuccessfulDelete", message)
        self.writes.append(plans.delete(kinds.PODS, pod, note))

    def create(self, node: str) -> None:
        self.writes.append(plans.create(kinds.PODS, _new_pod(self.set, node, self.hash)))


def plan(observed: Observed) -> Plan:
    """What to do for a DaemonSet now."""
    collisions = (observed.set.get("status") or {}).get("collisionCount")
    hash_ = template_hash(observed.set["spec"]["template"], collisions)
    history = controllerrevisions.history(
        observed.set, kinds.DAEMON_SETS, observed.revisions, hash_=hash_
    )
    hash_ = (history.update["metadata"].get("labels") or {}).get(POD_REVISION, hash_)
    look = _Look(observed, history, hash_, _by_node(observed.pods), list(history.writes))
    if not observed.set["metadata"].get("deletionTimestamp"):
        _keep(look)
        if len(look.writes) == len(history.writes):
            _roll(look)
        _clean_up(look)
    return _with_status(look)


def _by_node(found: Sequence[Manifest]) -> dict[str, list[Manifest]]:
    result: dict[str, list[Manifest]] = {}
    for pod in sorted(found, key=lambda each: str(each["metadata"].get("creationTimestamp"))):
        result.setdefault(target_node(pod), []).append(pod)
    return result


def target_node(pod: Manifest) -> str:
    """The node that a daemon Pod runs on, or is meant for while it is not bound."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            if each["key"] == "metadata.name" and each.get("values"):
                return str(each["values"][0])
    return ""


def _new_pod(owner: Manifest, node: str, hash_: str) -> dict[str, Any]:
    pod = pods.from_template(
        owner["spec"]["template"],
        namespace=owner["metadata"]["namespace"],
        owner=controller_reference(owner, kinds.DAEMON_SETS),
    )
    generation = str(owner["metadata"].get("generation", 1))
    labels = pod["metadata"].get("labels") or {}
    pod["metadata"]["labels"] = {**labels, POD_REVISION: hash_, _GENERATION: generation}
    spec = pod["spec"]
    spec["tolerations"] = _tolerations(spec)
    spec["affinity"] = _pinned(spec.get("affinity") or {}, node)
    return pod


def _tolerations(spec: Mapping[str, Any]) -> list[Any]:
    """Daemons stay on nodes that have problems."""
    taints = [*_NODE_TAINTS, *([("network-unavailable", "NoSchedule")] if spec.get("hostNetwork")
                               else [])]  # fmt: skip
    added = [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        for name, effect in taints
    ]
    own = list(spec.get("tolerations") or ())
    return own + [each for each in added if each not in own]


def _pinned(affinity: Mapping[str, Any], node: str) -> dict[str, Any]:
    field_ = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field_]}]}
    node_affinity = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": required,
    }
    return {**affinity, "nodeAffinity": node_affinity}


def _should_run(owner: Manifest, node: Manifest) -> tuple[bool, bool]:
    """Whether a Pod belongs on a node, and whether one that is there may stay."""
    spec = owner["spec"]["template"]["spec"]
    if not nodefit.fits(spec, node):
        return False, False
    tolerations = _tolerations(spec)
    if nodefit.tolerates(tolerations, node, "NoSchedule", "NoExecute"):
        return True, True
    return False, nodefit.tolerates(tolerations, node, "NoExecute")


def _keep(look: _Look) -> None:
    """One Pod on each node that wants it, none elsewhere."""
    names = set()
    for node in look.observed.nodes:
        name = node["metadata"]["name"]
        names.add(name)
        run, stay = _should_run(look.set, node)
        found = look.by_node.get(name, [])
        if run and not found:
            look.create(name)
        elif stay:
            _prune(look, found)
        else:
            for pod in found:
                if not pods.is_terminating(pod):
                    look.delete(pod)
    for name, found in look.by_node.items():
        if name not in names:
            for pod in found:
                if not pod["spec"].get("nodeName") and not pods.is_terminating(pod):
                    look.delete(pod)


def _prune(look: _Look, found: Sequence[Manifest]) -> None:
    running: list[Manifest] = []
    for pod in found:
        if pods.is_terminating(pod):
            continue
        if pods.is_finished(pod):
            _delete_finished(look, pod)
        else:
            running.append(pod)
    if not _surge(look):
        for pod in running[1:]:
            look.delete(pod)


def _delete_finished(look: _Look, pod: Manifest) -> None:
    metadata = pod["metadata"]
    where = f"{metadata['namespace']}/{metadata['name']} on node {target_node(pod)}"
    if pods.phase(pod) == "Succeeded":
        message = f"Found succeeded daemon pod {where}, will try to delete it"
        look.notes.append(Note(look.set, "SucceededDaemonPod", message))
    else:
        created = clock.parse_timestamp(metadata["creationTimestamp"])
        left = (created + _FAILED_PAUSE - look.observed.now).total_seconds()
        if left > 0:
            look.waits.append(left)
            return
        message = f"Found failed daemon pod {where}, will try to kill it"
        look.notes.append(Note(look.set, "FailedDaemonPod", message, warning=True))
    look.delete(pod)


def _wanted_nodes(look: _Look) -> int:
    return sum(_should_run(look.set, node)[0] for node in look.observed.nodes)


def _surge(look: _Look) -> int:
    strategy = look.set["spec"].get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    return rollout.scaled(rolling.get("maxSurge", 0), _wanted_nodes(look), up=True)


def _roll(look: _Look) -> None:
    """Replace outdated Pods, as many at a time as the strategy allows."""
    strategy = look.set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") == "OnDelete":
        return
    surge = _surge(look)
    if surge:
        _roll_with_surge(look, surge)
        return
    rolling = strategy.get("rollingUpdate") or {}
    total = _wanted_nodes(look)
    allowed = max(1, rollout.scaled(rolling.get("maxUnavailable", 1), total, up=True))
    candidates: list[Manifest] = []
    for found in look.by_node.values():
        alive = [pod for pod in found if not pods.is_terminating(pod)]
        old = [pod for pod in alive if not look.is_new(pod)]
        if len(alive) == 1 and look.is_available(alive[0]):
            candidates += old
        else:
            allowed -= 1
            for pod in old:
                look.delete(pod)
    for pod in candidates[: max(0, allowed)]:
        look.delete(pod)


def _roll_with_surge(look: _Look, surge: int) -> None:
    nodes: list[str] = []
    for name, found in look.by_node.items():
        alive = [pod for pod in found if not pods.is_terminating(pod)]
        old = [pod for pod in alive if not look.is_new(pod)]
        new = [pod for pod in alive if look.is_new(pod)]
        if old and new:
            if look.is_available(new[0]) or not pods.is_ready(old[0]):
                look.delete(old[0])
            else:
                surge -= 1
        elif old and not look.is_available(old[0]):
            look.create(name)
        elif old:
            nodes.append(name)
    for name in nodes[: max(0, surge)]:
        look.create(name)


def _clean_up(look: _Look) -> None:
    hashes = {(pod["metadata"].get("labels") or {}).get(POD_REVISION) for pod in look.observed.pods}
    used = {
        each["metadata"]["name"]
        for each in look.history.revisions
        if (each["metadata"].get("labels") or {}).get(POD_REVISION) in hashes
    }
    limit = int(look.set["spec"].get("revisionHistoryLimit", _DEFAULT_HISTORY))
    for each in controllerrevisions.superfluous(look.history.revisions, used=used, limit=limit):
        look.writes.append(plans.delete(kinds.CONTROLLER_REVISIONS, each))


def _with_status(look: _Look) -> Plan:
    status = _status(look)
    writes = look.writes
    if status != (look.set.get("status") or {}):
        writes = [*writes, plans.update_status(kinds.DAEMON_SETS, {**look.set, "status": status})]
    seconds = int(look.set["spec"].get("minReadySeconds", 0))
    waits = [pods.available_in(pod, seconds, look.observed.now) for pod in look.observed.pods]
    again = plans.soonest(*look.waits, *(wait for wait in waits if wait))
    return Plan(tuple(writes), tuple(look.notes), again)


def _status(look: _Look) -> dict[str, Any]:
    before = look.set.get("status") or {}
    desired = current = misplaced = ready = updated = available = 0
    for node in look.observed.nodes:
        found = look.by_node.get(node["metadata"]["name"], [])
        if not _should_run(look.set, node)[0]:
            misplaced += bool(found)
            continue
        desired += 1
        if found:
            current += 1
            ready += pods.is_ready(found[0])
            available += look.is_available(found[0])
            updated += look.is_new(found[0])
    optional = {
        "observedGeneration": look.set["metadata"].get("generation", 0),
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
        "collisionCount": before.get("collisionCount"),
        "conditions": before.get("conditions"),
    }
    return {
        "currentNumberScheduled": current,
        "numberMisscheduled": misplaced,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        **{key: value for key, value in optional.items() if value},
    }
