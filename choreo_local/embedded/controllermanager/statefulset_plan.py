"""StatefulSet → Pods with lasting names: one look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choreo_local.embedded.controllermanager import (
    controllerrevisions,
    kinds,
    plans,
    pods,
    rollout,
    statefulset_pods,
)
from choreo_local.embedded.controllermanager.controllerrevisions import POD_REVISION, History
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write

_DEFAULT_HISTORY = 10


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use.

    Attributes:
        pods: the Pods that the set controls.
        revisions: its ControllerRevisions.
        claims: the PersistentVolumeClaims of its namespace by name.
    """

    set: Manifest
    pods: Sequence[Manifest]
    revisions: Sequence[Manifest]
    claims: Mapping[str, Manifest]
    now: datetime


@dataclass(slots=True)
class _Look:
    observed: Observed
    history: History
    current: Manifest
    writes: list[Write] = field(default_factory=list)
    deleted: int = 0

    @property
    def set(self) -> Manifest:
        return self.observed.set

    @property
    def in_order(self) -> bool:
        return bool(self.set["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady")

    def is_available(self, pod: Manifest) -> bool:
        seconds = int(self.set["spec"].get("minReadySeconds", 0))
        running = pods.phase(pod) == "Running"
        return running and pods.is_available(pod, seconds, self.observed.now)

    def delete(self, pod: Manifest) -> None:
        name, owner = pod["metadata"]["name"], self.set["metadata"]["name"]
        message = f"delete Pod {name} in StatefulSet {owner} successful"
        note = Note(self.set, "SuccessfulDelete", message)
        self.writes.append(plans.delete(kinds.PODS, pod, note))


def plan(observed: Observed) -> Plan:
    """What to do for a StatefulSet now."""
    history = controllerrevisions.history(observed.set, kinds.STATEFUL_SETS, observed.revisions)
    named = (observed.set.get("status") or {}).get("currentRevision", "")
    current = history.named(named) or history.update
    look = _Look(observed, history, current, list(history.writes))
    if not observed.set["metadata"].get("deletionTimestamp"):
        replicas, condemned = _sorted_pods(look)
        if _keep(look, replicas) and _scale_down(look, replicas, condemned):
            _roll(look, replicas)
        _clean_up(look)
    return _with_status(look)


def _sorted_pods(look: _Look) -> tuple[dict[int, Manifest | None], list[Manifest]]:
    """The Pods by ordinal, None where one is missing, and those beyond, highest first."""
    start = statefulset_pods.first_ordinal(look.set)
    replicas: dict[int, Manifest | None] = dict.fromkeys(
        range(start, start + rollout.replicas(look.set))
    )
    condemned: dict[int, Manifest] = {}
    for pod in look.observed.pods:
        ordinal = statefulset_pods.ordinal_of(look.set, pod)
        if ordinal in replicas:
            replicas[ordinal] = pod
        elif ordinal is not None:
            condemned[ordinal] = pod
    return replicas, [condemned[ordinal] for ordinal in sorted(condemned, reverse=True)]


def _keep(look: _Look, replicas: Mapping[int, Manifest | None]) -> bool:
    """Make or mend the wanted Pods; False when the next step must wait for them."""
    settled = True
    for ordinal, pod in replicas.items():
        ready = _keep_one(look, ordinal, pod)
        if not ready and look.in_order:
            return False
        settled = settled and (ready or pod is not None)
    return settled


def _keep_one(look: _Look, ordinal: int, pod: Manifest | None) -> bool:
    """Whether the Pod of an ordinal is as it should be."""
    if pod is None:
        _create(look, ordinal)
        return False
    if pods.is_finished(pod):
        if not pods.is_terminating(pod):
            look.delete(pod)
        return False
    if pods.phase(pod) == "Pending":
        look.writes += _missing_claims(look, pod)
    if pods.is_terminating(pod) or not look.is_available(pod):
        return False
    change = statefulset_pods.identity_patch(look.set, ordinal, pod)
    if change:
        look.writes.append(plans.patch(kinds.PODS, pod, change))
    return True


def _create(look: _Look, ordinal: int) -> None:
    revision = look.history.update
    rolling = (look.set["spec"].get("updateStrategy") or {}).get("rollingUpdate")
    start = statefulset_pods.first_ordinal(look.set)
    if rolling is not None and ordinal < start + int(rolling.get("partition", 0)):
        revision = look.current
    template = controllerrevisions.template_of(revision)
    pod = statefulset_pods.new_pod(look.set, template, ordinal, revision["metadata"]["name"])
    name, owner = pod["metadata"]["name"], look.set["metadata"]["name"]
    message = f"create Pod {name} in StatefulSet {owner} successful"
    look.writes += _missing_claims(look, pod)
    note = Note(look.set, "SuccessfulCreate", message)
    look.writes.append(plans.create(kinds.PODS, pod, note))


def _missing_claims(look: _Look, pod: Manifest) -> list[Write]:
    writes = []
    for claim in statefulset_pods.claims(look.set, pod):
        name = claim["metadata"]["name"]
        if name not in look.observed.claims:
            pod_name, owner = pod["metadata"]["name"], look.set["metadata"]["name"]
            message = f"create Claim {name} Pod {pod_name} in StatefulSet {owner} success"
            note = Note(look.set, "SuccessfulCreate", message)
            writes.append(plans.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim, note))
    return writes


def _scale_down(
    look: _Look, replicas: Mapping[int, Manifest | None], condemned: Sequence[Manifest]
) -> bool:
    """Delete Pods beyond the wanted number; False while the rollout must wait."""
    everything = [*(pod for pod in replicas.values() if pod), *reversed(condemned)]
    unhealthy = next(
        (pod for pod in everything if pods.is_terminating(pod) or not look.is_available(pod)), None
    )
    for pod in condemned:
        if pods.is_terminating(pod):
            if look.in_order:
                return False
            continue
        if look.in_order and not look.is_available(pod) and pod is not unhealthy:
            return False
        look.delete(pod)
        if look.in_order:
            return False
    return not condemned


def _roll(look: _Look, replicas: Mapping[int, Manifest | None]) -> None:
    """Replace outdated Pods from the highest ordinal down, as many as may be unavailable."""
    strategy = look.set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") == "OnDelete":
        return
    rolling = strategy.get("rollingUpdate") or {}
    start = statefulset_pods.first_ordinal(look.set)
    partition = start + int(rolling.get("partition", 0))
    total = rollout.replicas(look.set)
    allowed = max(1, rollout.scaled(rolling.get("maxUnavailable", 1), total, up=True))
    allowed -= sum(
        pod is None or pods.is_terminating(pod) or not look.is_available(pod)
        for pod in replicas.values()
    )
    wanted = look.history.update["metadata"]["name"]
    for ordinal in sorted(replicas, reverse=True):
        pod = replicas[ordinal]
        if allowed <= 0 or ordinal < partition:
            return
        if pod is None or pods.is_terminating(pod) or revision_of(pod) == wanted:
            continue
        look.delete(pod)
        if revision_of(pod) == look.current["metadata"]["name"]:
            look.deleted += 1
        allowed -= 1


def revision_of(pod: Manifest) -> str:
    """The revision that a Pod was made from."""
    return str((pod["metadata"].get("labels") or {}).get(POD_REVISION, ""))


def _clean_up(look: _Look) -> None:
    used = {revision_of(pod) for pod in look.observed.pods}
    used |= {look.current["metadata"]["name"], look.history.update["metadata"]["name"]}
    limit = int(look.set["spec"].get("revisionHistoryLimit", _DEFAULT_HISTORY))
    for each in controllerrevisions.superfluous(look.history.revisions, used=used, limit=limit):
        look.writes.append(plans.delete(kinds.CONTROLLER_REVISIONS, each))


def _with_status(look: _Look) -> Plan:
    status = _status(look)
    writes = look.writes
    if status != (look.set.get("status") or {}):
        changed = {**look.set, "status": status}
        writes = [*writes, plans.update_status(kinds.STATEFUL_SETS, changed)]
    seconds = int(look.set["spec"].get("minReadySeconds", 0))
    waits = [pods.available_in(pod, seconds, look.observed.now) for pod in look.observed.pods]
    return Plan(tuple(writes), look_again=plans.soonest(*(wait for wait in waits if wait)))


def _status(look: _Look) -> dict[str, Any]:
    before = look.set.get("status") or {}
    current, update = (each["metadata"]["name"] for each in (look.current, look.history.update))
    counted = [pod for pod in look.observed.pods if not pods.is_terminating(pod)]
    ready = [pod for pod in look.observed.pods if _is_running_and_ready(pod)]
    of_current = sum(revision_of(pod) == current for pod in counted) - look.deleted
    of_update = sum(revision_of(pod) == update for pod in counted)
    replicas = len(look.observed.pods)
    total = rollout.replicas(look.set)
    rolling = (look.set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
    if rolling == "RollingUpdate" and {of_update, len(ready), replicas} == {total}:
        current, of_current = update, of_update
    numbers = {
        "observedGeneration": look.set["metadata"].get("generation", 0),
        "readyReplicas": len(ready),
        "currentReplicas": of_current,
        "updatedReplicas": of_update,
    }
    available = sum(look.is_available(pod) for pod in look.observed.pods)
    return {
        **{key: before[key] for key in ("conditions",) if key in before},
        **{key: value for key, value in numbers.items() if value},
        "replicas": replicas,
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": before.get("collisionCount", 0),
    }


def _is_running_and_ready(pod: Manifest) -> bool:
    return pods.phase(pod) == "Running" and pods.is_ready(pod)
