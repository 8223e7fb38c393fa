"""Counts of replicas that controllers write into the status of workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_DAEMONS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)
_COMMON = ("replicas", "readyReplicas", "availableReplicas", "observedGeneration")


def of_deployment(new: Manifest, old: Manifest) -> Problems:
    """The problems of a deployment's status."""
    status = new.get("status") or {}
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    extra = ("updatedReplicas", "unavailableReplicas", "terminatingReplicas", "collisionCount")
    yield from checks.all_not_negative("status", status, *_COMMON, *extra)
    yield from _parts(status, parts, ready="readyReplicas")
    yield from checks.lowered_count("status", status, old.get("status") or {})


def of_replica_set(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a replica set's or replication controller's status."""
    status = new.get("status") or {}
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    yield from checks.all_not_negative(
        "status", status, *_COMMON, "fullyLabeledReplicas", "terminatingReplicas"
    )
    yield from _parts(status, parts, ready="readyReplicas")


def of_stateful_set(new: Manifest, old: Manifest) -> Problems:
    """The problems of a stateful set's status."""
    status = new.get("status") or {}
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    yield from checks.all_not_negative(
        "status", status, *_COMMON, "currentReplicas", "updatedReplicas", "collisionCount"
    )
    yield from _parts(status, parts, ready="status.readyReplicas")
    yield from checks.lowered_count("status", status, old.get("status") or {})


def of_daemon_set(new: Manifest, old: Manifest) -> Problems:
    """The problems of a daemon set's status."""
    status = new.get("status") or {}
    yield from checks.all_not_negative("status", status, *_DAEMONS)
    yield from checks.lowered_count("status", status, old.get("status") or {})


def _parts(status: Object, parts: Sequence[str], *, ready: str) -> Problems:
    total = status.get("replicas") or 0
    for field in parts:
        count = status.get(field) or 0
        if count > total:
            yield fielderrors.invalid_value(
                f"status.{field}", count, "cannot be greater than status.replicas"
            )
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        yield fielderrors.invalid_value(
            "status.availableReplicas", available, f"cannot be greater than {ready}"
        )
