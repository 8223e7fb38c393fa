"""Deployment → ReplicaSets: one look. Pure.

A look does what can be done now; the writes wake the loop for the next step of a rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choreo_local.embedded.controllermanager import (
    deployment_status,
    kinds,
    plans,
    revisions,
    rollout,
)
from choreo_local.embedded.controllermanager.conditions import find, with_condition
from choreo_local.embedded.controllermanager.deployment_status import (
    PROGRESSING,
    progressing,
)
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write
from choreo_local.embedded.controllermanager.references import controller_reference
from choreo_local.embedded.controllermanager.templatehash import (
    POD_TEMPLATE_HASH,
    template_hash,
)

# After a deadline has passed its condition is one second late at most.
_DEADLINE_SLACK_SECONDS = 1.0
_UNLIMITED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use.

    Attributes:
        sets: the ReplicaSets that the Deployment controls.
        pods: the Pods of each, by the uid of the ReplicaSet.
    """

    deployment: Manifest
    sets: Sequence[Manifest]
    pods: Mapping[str, Sequence[Manifest]]
    now: datetime


@dataclass(slots=True)
class _Draft:
    """The state as it will be once the writes so far are carried out."""

    deployment: dict[str, Any]
    new: Manifest | None
    old: list[Manifest]
    now: datetime
    writes: list[Write] = field(default_factory=list)

    @property
    def sets(self) -> list[Manifest]:
        return [*self.old, *([self.new] if self.new else [])]

    def scale(self, each: Manifest, size: int) -> bool:
        """Ask for another size; whether that changed anything."""
        before = rollout.replicas(each)
        noted = {
            **(each["metadata"].get("annotations") or {}),
            **revisions.size_annotations(self.deployment),
        }
        if before == size and noted == (each["metadata"].get("annotations") or {}):
            return False
        changed = {
            **each,
            "metadata": {**each["metadata"], "annotations": noted},
            "spec": {**each["spec"], "replicas": size},
        }
        notes = () if before == size else (_scaled(self.deployment, each, before, size),)
        self.put(changed, *notes)
        return before != size

    def rescale(self, each: Manifest, size: int) -> bool:
        """The same, but leave a ReplicaSet of the right size alone altogether."""
        return rollout.replicas(each) != size and self.scale(each, size)

    def put(self, changed: Manifest, *notes: Note) -> None:
        """Update a ReplicaSet; several changes of one become one write."""
        name = changed["metadata"]["name"]
        if self.new is not None and self.new["metadata"]["name"] == name:
            self.new = changed
        self.old = [changed if one["metadata"]["name"] == name else one for one in self.old]
        earlier = next((each for each in self.writes if each.obj["metadata"]["name"] == name), None)
        if earlier is not None:
            self.writes.remove(earlier)
            notes = (*earlier.notes, *notes)
        self.writes.append(plans.update(kinds.REPLICA_SETS, changed, *notes))


def plan(observed: Observed) -> Plan:
    """What to do for a Deployment now."""
    deployment = observed.deployment
    new = revisions.newest(deployment, observed.sets)
    old = revisions.older(new, observed.sets)
    draft = _Draft(dict(deployment), new, old, observed.now)
    if deployment["metadata"].get("deletionTimestamp"):
        return _with_status(draft, deployment, plain=True)
    _note_pause(draft)
    paused = bool(deployment["spec"].get("paused"))
    if paused or _was_scaled(draft):
        _sync_new(draft, make=False)
        _scale(draft)
        if paused:
            _clean_up(draft)
        return _with_status(draft, deployment, plain=True)
    if rollout.is_rolling(deployment):
        _roll(draft)
    else:
        _recreate(draft, observed.pods)
    return _with_status(draft, deployment)


def _scaled(deployment: Manifest, each: Manifest, before: int, size: int) -> Note:
    direction = "up" if size > before else "down"
    name = each["metadata"]["name"]
    message = f"Scaled {direction} replica set {name} from {before} to {size}"
    return Note(deployment, "ScalingReplicaSet", message)


def _note_pause(draft: _Draft) -> None:
    """Say in the Progressing condition that the rollout rests, or goes on."""
    if deployment_status.deadline(draft.deployment) is None:
        return
    current = find(_conditions(draft), PROGRESSING)
    reason = current.get("reason") if current else None
    paused = bool(draft.deployment["spec"].get("paused"))
    if reason == "ProgressDeadlineExceeded" or paused == (reason == "DeploymentPaused"):
        return
    word = "paused" if paused else "resumed"
    _set_progress(
        draft, progressing("Unknown", f"Deployment{word.capitalize()}",
                           f"Deployment is {word}", draft.now)
    )  # fmt: skip


def _conditions(draft: _Draft) -> Any:
    return (draft.deployment.get("status") or {}).get("conditions")


def _set_progress(draft: _Draft, condition: Mapping[str, Any]) -> None:
    status = dict(draft.deployment.get("status") or {})
    status["conditions"] = with_condition(status.get("conditions"), condition)
    draft.deployment["status"] = status


def _was_scaled(draft: _Draft) -> bool:
    total = rollout.replicas(draft.deployment)
    for each in rollout.active(draft.sets):
        noted = rollout.whole(rollout.annotation(each, rollout.DESIRED_REPLICAS))
        if noted is not None and noted != total:
            return True
    return False


def _sync_new(draft: _Draft, *, make: bool) -> None:
    """Bring the newest ReplicaSet up to date, or make it; take over its revision."""
    number = revisions.next_revision(draft.old)
    if draft.new is not None:
        _update_new(draft, draft.new, number)
    elif make:
        _create_new(draft, number)
    if draft.new is not None:
        _take_revision(draft, str(revisions.revision(draft.new)))


def _update_new(draft: _Draft, new: Manifest, number: int) -> None:
    before = new["metadata"].get("annotations") or {}
    noted = revisions.noted(draft.deployment, before, number, exists=True)
    ready_seconds = draft.deployment["spec"].get("minReadySeconds", 0)
    if noted != before or new["spec"].get("minReadySeconds", 0) != ready_seconds:
        changed = {
            **new,
            "metadata": {**new["metadata"], "annotations": noted},
            "spec": {**new["spec"], "minReadySeconds": ready_seconds},
        }
        draft.put(changed)
    if find(_conditions(draft), PROGRESSING) is None and _judges(draft):
        message = f'Found new replica set "{new["metadata"]["name"]}"'
        _set_progress(draft, progressing("True", "FoundNewReplicaSet", message, draft.now))


def _judges(draft: _Draft) -> bool:
    return deployment_status.deadline(draft.deployment) is not None


def _create_new(draft: _Draft, number: int) -> None:
    new = new_replica_set(draft.deployment, draft.old, number)
    size = rollout.replicas(new)
    notes = (_scaled(draft.deployment, new, 0, size),) if size else ()
    draft.writes.append(plans.create(kinds.REPLICA_SETS, new, *notes))
    draft.new = new
    if _judges(draft):
        message = f'Created new replica set "{new["metadata"]["name"]}"'
        _set_progress(draft, progressing("True", "NewReplicaSetCreated", message, draft.now))


def new_replica_set(deployment: Manifest, old: Sequence[Manifest], number: int) -> dict[str, Any]:
    """The ReplicaSet for the present template, with its first size."""
    spec = deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount")
    hash_ = template_hash(spec["template"], collisions)
    metadata = dict(spec["template"].get("metadata") or {})
    labels = {**(metadata.get("labels") or {}), POD_TEMPLATE_HASH: hash_}
    selector = {
        **spec["selector"],
        "matchLabels": {**(spec["selector"].get("matchLabels") or {}), POD_TEMPLATE_HASH: hash_},
    }
    made: dict[str, Any] = {
        "apiVersion": kinds.REPLICA_SETS.api_version,
        "kind": kinds.REPLICA_SETS.kind,
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{hash_}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": labels,
            "annotations": revisions.noted(deployment, {}, number, exists=False),
            "ownerReferences": [controller_reference(deployment, kinds.DEPLOYMENTS)],
        },
        "spec": {
            "replicas": rollout.new_set_size(deployment, old, 0),
            "selector": selector,
            "template": {**spec["template"], "metadata": {**metadata, "labels": labels}},
        },
    }
    if spec.get("minReadySeconds"):
        made["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return made


def _take_revision(draft: _Draft, number: str) -> None:
    if rollout.annotation(draft.deployment, rollout.REVISION) != number:
        metadata = draft.deployment["metadata"]
        noted = {**(metadata.get("annotations") or {}), rollout.REVISION: number}
        draft.deployment["metadata"] = {**metadata, "annotations": noted}


def _scale(draft: _Draft) -> None:
    """Follow a change of `spec.replicas` without going on with a rollout."""
    total = rollout.replicas(draft.deployment)
    only = _active_or_latest(draft)
    if only is not None:
        draft.rescale(only, total)
    elif _is_saturated(draft):
        for each in rollout.active(draft.old):
            draft.rescale(each, 0)
    elif rollout.is_rolling(draft.deployment):
        sizes = rollout.proportional_sizes(draft.deployment, draft.sets)
        for each in draft.sets:
            name = each["metadata"]["name"]
            if name in sizes:
                draft.scale(each, sizes[name])


def _active_or_latest(draft: _Draft) -> Manifest | None:
    """The only ReplicaSet with Pods; without any, the newest. None when several have Pods."""
    active = rollout.active(draft.sets)
    if len(active) == 1:
        return active[0]
    if active:
        return None
    by_age = rollout.by_age(draft.old)
    return draft.new or (by_age[-1] if by_age else None)


def _is_saturated(draft: _Draft) -> bool:
    if draft.new is None:
        return False
    total = rollout.replicas(draft.deployment)
    return (
        rollout.replicas(draft.new) == total
        and rollout.whole(rollout.annotation(draft.new, rollout.DESIRED_REPLICAS)) == total
        and rollout.counted([draft.new], "availableReplicas") == total
    )


def _roll(draft: _Draft) -> None:
    """One step of a rolling update: grow the new, else shrink the old, else clean up."""
    _sync_new(draft, make=True)
    new = draft.new
    assert new is not None
    if _grow(draft, new):
        return
    sizes = rollout.old_set_sizes(draft.deployment, new, rollout.active(draft.old))
    for each in rollout.by_age(draft.old):
        if each["metadata"]["name"] in sizes:
            draft.rescale(each, sizes[each["metadata"]["name"]])
    if not sizes and _is_complete(draft):
        _clean_up(draft)


def _grow(draft: _Draft, new: Manifest) -> bool:
    total, size = rollout.replicas(draft.deployment), rollout.replicas(new)
    if size == total:
        return False
    if size > total:
        return draft.rescale(new, total)
    return draft.rescale(new, rollout.new_set_size(draft.deployment, draft.sets, size))


def _recreate(draft: _Draft, pods: Mapping[str, Sequence[Manifest]]) -> None:
    """All old Pods go before a new one comes."""
    _sync_new(draft, make=False)
    for each in rollout.active(draft.old):
        draft.rescale(each, 0)
    if draft.writes or _old_pods_run(draft, pods):
        return
    if draft.new is None:
        _sync_new(draft, make=True)
    if draft.new is not None:
        draft.rescale(draft.new, rollout.replicas(draft.deployment))
    if _is_complete(draft):
        _clean_up(draft)


def _old_pods_run(draft: _Draft, pods: Mapping[str, Sequence[Manifest]]) -> bool:
    if rollout.counted(draft.old, "replicas") > 0:
        return True
    new_uid = draft.new["metadata"].get("uid") if draft.new else None
    return any(
        (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
        for uid, found in pods.items()
        if uid != new_uid
        for pod in found
    )


def _is_complete(draft: _Draft) -> bool:
    status = draft.deployment.get("status") or {}
    return deployment_status.is_complete(draft.deployment, status)


def _clean_up(draft: _Draft) -> None:
    limit = draft.deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == _UNLIMITED:
        return
    for each in revisions.superfluous(draft.old, int(limit)):
        draft.writes.append(plans.delete(kinds.REPLICA_SETS, each))


def _with_status(draft: _Draft, before: Manifest, *, plain: bool = False) -> Plan:
    """The plan so far, and the status if it changed; `plain` leaves the progress unjudged."""
    deployment = draft.deployment
    judge = deployment_status.with_availability if plain else deployment_status.rollout_status
    status = judge(deployment, draft.sets, draft.new, draft.now)
    writes = draft.writes
    changed = {**deployment, "status": status}
    if status != before.get("status") or deployment["metadata"] != before["metadata"]:
        writes = [*writes, plans.update_status(kinds.DEPLOYMENTS, changed)]
    return Plan(tuple(writes), look_again=_deadline(draft, status, plain=plain))


def _deadline(draft: _Draft, status: Manifest, *, plain: bool) -> float | None:
    if plain or deployment_status.is_complete(draft.deployment, status):
        return None
    left = deployment_status.time_left(draft.deployment, status["conditions"], draft.now)
    return None if left is None else max(0.0, left.total_seconds()) + _DEADLINE_SLACK_SECONDS
