"""ReplicaSet and ReplicationController → Pods: one look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds, plans, pods, rollout
from choreo_local.embedded.controllermanager.conditions import condition, drop, with_condition
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write
from choreo_local.embedded.controllermanager.references import controller_reference
from choreo_local.embedded.controllermanager.selectors import (
    Selector,
    equality,
    label_selector,
)

# Upper bound of creations and deletions in one look, so that status is told in between.
_BURST = 500
REPLICA_FAILURE = "ReplicaFailure"


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use.

    Attributes:
        kind: ReplicaSet or ReplicationController.
        pods: the Pods that the owner controls.
        related: Pods that share the purpose (of all ReplicaSets of a Deployment).
    """

    kind: ResourceKind
    owner: Manifest
    pods: Sequence[Manifest]
    related: Sequence[Manifest]
    now: datetime


def selector_of(owner: Manifest) -> Selector:
    """The selector of a ReplicaSet, or of a ReplicationController, which is a plain map."""
    if owner.get("kind") == kinds.REPLICATION_CONTROLLERS.kind:
        return equality(owner["spec"].get("selector") or {})
    return label_selector(owner["spec"].get("selector"))


def replica_plan(observed: Observed) -> Plan:
    """Create what is missing or delete what is too many."""
    owner = observed.owner
    if owner["metadata"].get("deletionTimestamp"):
        return Plan()
    active = [pod for pod in observed.pods if pods.is_active(pod)]
    missing = rollout.replicas(owner) - len(active)
    if missing > 0:
        return Plan(tuple(_created(observed) for _ in range(min(missing, _BURST))))
    excess = min(-missing, _BURST)
    order = pods.by_deletion_order(active, related=observed.related, now=observed.now)
    return Plan(tuple(_deleted(owner, pod) for pod in order[:excess]))


def _created(observed: Observed) -> Write:
    owner = observed.owner
    pod = pods.from_template(
        owner["spec"]["template"],
        namespace=owner["metadata"]["namespace"],
        owner=controller_reference(owner, observed.kind),
    )
    return plans.create(kinds.PODS, pod)


def _deleted(owner: Manifest, pod: Manifest) -> Write:
    message = f"Deleted pod: {pod['metadata']['name']}"
    return plans.delete(kinds.PODS, pod, Note(owner, "SuccessfulDelete", message))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why Pods could not be created or deleted."""

    reason: str
    message: str


def status_plan(observed: Observed, failure: Failure | None) -> Plan:
    """Tell the counts, if they changed, and when the next Pod becomes available."""
    owner = observed.owner
    status = _status(observed, failure)
    seconds = int(owner["spec"].get("minReadySeconds", 0))
    waits = [pods.available_in(pod, seconds, observed.now) for pod in observed.pods]
    again = plans.soonest(*(wait for wait in waits if wait))
    if status == (owner.get("status") or {}):
        return Plan(look_again=again)
    changed = {**owner, "status": status}
    return Plan((plans.update_status(observed.kind, changed),), look_again=again)


def _status(observed: Observed, failure: Failure | None) -> dict[str, Any]:
    owner = observed.owner
    template = owner["spec"].get("template") or {}
    labels: Mapping[str, str] = (template.get("metadata") or {}).get("labels") or {}
    full = equality(labels)
    seconds = int(owner["spec"].get("minReadySeconds", 0))
    active = [pod for pod in observed.pods if pods.is_active(pod)]
    numbers = {
        "fullyLabeledReplicas": sum(
            full.matches(pod["metadata"].get("labels") or {}) for pod in active
        ),
        "readyReplicas": sum(pods.is_ready(pod) for pod in active),
        "availableReplicas": sum(pods.is_available(pod, seconds, observed.now) for pod in active),
        "observedGeneration": owner["metadata"].get("generation", 0),
    }
    status: dict[str, Any] = {"replicas": len(active)}
    status |= {key: value for key, value in numbers.items() if value}
    if observed.kind is kinds.REPLICA_SETS:
        status["terminatingReplicas"] = sum(
            pods.is_terminating(pod) and not pods.is_finished(pod) for pod in observed.pods
        )
    conditions = _conditions(owner, failure, observed.now)
    if conditions:
        status["conditions"] = conditions
    return status


def _conditions(owner: Manifest, failure: Failure | None, now: datetime) -> list[Any]:
    before = (owner.get("status") or {}).get("conditions")
    if failure is None:
        return drop(before, REPLICA_FAILURE)
    made = condition(REPLICA_FAILURE, "True", failure.reason, failure.message, now=now)
    return with_condition(before, made)
