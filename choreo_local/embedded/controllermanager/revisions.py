"""Revision numbers and the annotations that a Deployment keeps on its ReplicaSets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.controllermanager import rollout
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.templatehash import same_template

_LONGEST_HISTORY = 2000
# Annotations of a Deployment that say something about itself only.
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        rollout.REVISION,
        rollout.REVISION_HISTORY,
        rollout.DESIRED_REPLICAS,
        rollout.MAX_REPLICAS,
    }
)


def revision(obj: Manifest) -> int:
    """The revision that an object is annotated with; 0 for none."""
    return rollout.whole(rollout.annotation(obj, rollout.REVISION)) or 0


def newest(deployment: Manifest, sets: Iterable[Manifest]) -> Manifest | None:
    """The ReplicaSet whose template is the Deployment's; the oldest if there are several."""
    template = deployment["spec"]["template"]
    for each in rollout.by_age(sets):
        if same_template(each["spec"]["template"], template):
            return each
    return None


def older(new: Manifest | None, sets: Iterable[Manifest]) -> list[Manifest]:
    """All ReplicaSets but the newest."""
    uid = new["metadata"]["uid"] if new else None
    return [each for each in sets if each["metadata"]["uid"] != uid]


def next_revision(old: Iterable[Manifest]) -> int:
    """One more than the highest revision among the older ReplicaSets."""
    return max((revision(each) for each in old), default=0) + 1


def size_annotations(deployment: Manifest) -> dict[str, str]:
    """What is noted on each ReplicaSet to detect that the Deployment was scaled."""
    total = rollout.replicas(deployment)
    return {
        rollout.DESIRED_REPLICAS: str(total),
        rollout.MAX_REPLICAS: str(total + rollout.bounds(deployment).surge),
    }


def noted(
    deployment: Manifest, current: Mapping[str, str], number: int, *, exists: bool
) -> dict[str, str]:
    """The annotations that the newest ReplicaSet shall have instead of the `current` ones.

    Its revision is at least `number`. While it is being created the sizes are noted too.
    """
    own = deployment["metadata"].get("annotations") or {}
    result = {**current, **{key: own[key] for key in own if key not in _NOT_COPIED}}
    before = rollout.whole(current.get(rollout.REVISION)) or 0
    if before < number:
        result[rollout.REVISION] = str(number)
        if rollout.REVISION in current:
            _remember(result, str(before))
    if not exists:
        result |= size_annotations(deployment)
    return result


def _remember(result: dict[str, str], number: str) -> None:
    """Add a revision that was rolled back to under its new number; drop the oldest if too long."""
    history = [each for each in result.get(rollout.REVISION_HISTORY, "").split(",") if each]
    history.append(number)
    while len(",".join(history)) > _LONGEST_HISTORY:
        history.pop(0)
    result[rollout.REVISION_HISTORY] = ",".join(history)


def superfluous(old: Sequence[Manifest], limit: int) -> list[Manifest]:
    """The ReplicaSets beyond the history limit that nobody needs any more."""
    alive = [each for each in old if not each["metadata"].get("deletionTimestamp")]
    excess = len(alive) - limit
    if excess <= 0:
        return []
    return [each for each in sorted(alive, key=revision)[:excess] if _is_settled(each)]


def _is_settled(each: Mapping[str, Any]) -> bool:
    status = each.get("status") or {}
    return (
        rollout.replicas(each) == 0
        and status.get("replicas", 0) == 0
        and each["metadata"].get("generation", 0) <= status.get("observedGeneration", 0)
    )
