"""What a control loop needs to know of a Pod, and Pods made from templates. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager.plans import Manifest

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def is_terminating(pod: Manifest) -> bool:
    """Whether its deletion is under way."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def phase(pod: Manifest) -> str:
    """`status.phase`, Pending when nobody has said yet."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_finished(pod: Manifest) -> bool:
    """Whether it will never run again."""
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Manifest) -> bool:
    """Whether it counts as a replica: not finished and not being deleted."""
    return not is_finished(pod) and not is_terminating(pod)


def condition(pod: Manifest, type_: str) -> Manifest | None:
    """One of the Pod's conditions."""
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each["type"] == type_:
            found: Manifest = each
            return found
    return None


def is_ready(pod: Manifest) -> bool:
    """Whether its Ready condition is True."""
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def ready_since(pod: Manifest) -> datetime | None:
    """When it became ready, if it is and says so."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True" or not ready.get("lastTransitionTime"):
        return None
    return clock.parse_timestamp(ready["lastTransitionTime"])


def available_in(pod: Manifest, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until it is available: 0 when it is, None while it is not even ready."""
    if not is_ready(pod):
        return None
    since = ready_since(pod)
    if min_ready_seconds <= 0:
        return 0.0
    if since is None:
        return None
    return max(0.0, (since + timedelta(seconds=min_ready_seconds) - now).total_seconds())


def is_available(pod: Manifest, min_ready_seconds: int, now: datetime) -> bool:
    """Whether it has been ready for long enough."""
    return available_in(pod, min_ready_seconds, now) == 0.0


def restarts(pod: Manifest) -> int:
    """The highest restart count of its containers."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(each.get("restartCount", 0)) for each in statuses), default=0)


def from_template(
    template: Mapping[str, Any], *, namespace: str, owner: Mapping[str, Any]
) -> dict[str, Any]:
    """A Pod without a name, as its controller `owner` (an owner reference) wants it."""
    metadata = template.get("metadata") or {}
    carried = {
        key: dict(metadata[key]) if isinstance(metadata[key], Mapping) else list(metadata[key])
        for key in ("labels", "annotations", "finalizers")
        if metadata.get(key)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": generate_name(owner["name"]),
            "namespace": namespace,
            **carried,
            "ownerReferences": [dict(owner)],
        },
        "spec": dict(template["spec"]),
    }


def generate_name(owner_name: str) -> str:
    """The prefix of the names of an owner's Pods; without the dash where it would not be legal."""
    prefix = f"{owner_name}-"
    return prefix if len(prefix) <= _LONGEST_PREFIX else owner_name


# A subdomain may have 253 characters; the server appends five and shortens the prefix itself.
_LONGEST_PREFIX = 253


def by_deletion_order(
    pods: Sequence[Manifest], *, related: Sequence[Manifest], now: datetime
) -> list[Manifest]:
    """The Pods, those first that are best deleted when there are too many.

    Unassigned, pending and unready ones go first, then cheap ones, those on crowded nodes (counted
    over `related`), the recently ready, the often restarted and the young.
    """
    crowd: dict[str, int] = {}
    for pod in related:
        if is_active(pod):
            node = pod["spec"].get("nodeName", "")
            crowd[node] = crowd.get(node, 0) + 1
    return sorted(pods, key=lambda pod: _deletion_rank(pod, crowd, now))


_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def _deletion_rank(pod: Manifest, crowd: Mapping[str, int], now: datetime) -> tuple[Any, ...]:
    node = pod["spec"].get("nodeName", "")
    return (
        bool(node),
        _PHASE_RANK.get(phase(pod), 3),
        is_ready(pod),
        _deletion_cost(pod),
        -crowd.get(node, 0),
        _age_rank(ready_since(pod), now),
        -restarts(pod),
        _age_rank(_created(pod), now),
        pod["metadata"].get("uid", ""),
    )


def _deletion_cost(pod: Manifest) -> int:
    value = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    try:
        return int(value)
    except ValueError:
        return 0


def _created(pod: Manifest) -> datetime | None:
    created = pod["metadata"].get("creationTimestamp")
    return clock.parse_timestamp(created) if created else None


def _age_rank(since: datetime | None, now: datetime) -> int:
    """Order of magnitude of an age, so that small differences do not decide."""
    if since is None:
        return -1
    seconds = (now - since).total_seconds()
    return int(math.log2(seconds)) if seconds >= 1 else 0
