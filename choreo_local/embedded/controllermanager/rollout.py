"""The arithmetic of Deployments: how many Pods each ReplicaSet gets at a moment. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.embedded.controllermanager.plans import Manifest

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"


def annotation(obj: Manifest, key: str) -> str | None:
    """An annotation of an object."""
    value = (obj["metadata"].get("annotations") or {}).get(key)
    return None if value is None else str(value)


def whole(text: str | None) -> int | None:
    """The number in an annotation; None when it is absent or no number."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def replicas(obj: Manifest) -> int:
    """`spec.replicas`."""
    return int(obj["spec"].get("replicas", 1))


def wanted(sets: Iterable[Manifest]) -> int:
    """How many Pods the ReplicaSets ask for together."""
    return sum(replicas(each) for each in sets)


def counted(sets: Iterable[Manifest], field: str) -> int:
    """Sum of a field of the status, e.g. availableReplicas."""
    return sum(int((each.get("status") or {}).get(field, 0)) for each in sets)


def active(sets: Iterable[Manifest]) -> list[Manifest]:
    """The ReplicaSets that ask for Pods."""
    return [each for each in sets if replicas(each) > 0]


def scaled(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percent of a total; a percentage is rounded up or down."""
    if isinstance(value, str):
        share = total * int(value.removesuffix("%")) / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value or 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers of Pods a rolling update moves."""

    surge: int
    unavailable: int


def bounds(deployment: Manifest) -> Bounds:
    """The allowed surge and unavailability; both zero for anything but a rolling update."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Bounds(0, 0)
    total = replicas(deployment)
    rolling: Mapping[str, Any] = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), total, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), total, up=False)
    if surge == 0 and unavailable == 0:
        # Validation forbids both zero; percentages of small numbers may still round to that.
        unavailable = 1
    return Bounds(surge, min(unavailable, total))


def is_rolling(deployment: Manifest) -> bool:
    """Whether the strategy is RollingUpdate."""
    strategy = deployment["spec"].get("strategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def new_set_size(deployment: Manifest, sets: Sequence[Manifest], current: int) -> int:
    """The size that the newest ReplicaSet may have now, given all of them and its own size."""
    total = replicas(deployment)
    if not is_rolling(deployment):
        return total
    room = total + bounds(deployment).surge - wanted(sets)
    if room <= 0:
        return current
    return current + min(room, total - current)


def old_set_sizes(deployment: Manifest, new: Manifest, old: Sequence[Manifest]) -> dict[str, int]:
    """The sizes of the older ReplicaSets that shrink now, by name.

    First the Pods go that do not work anyway, then working ones as far as enough remain available.
    """
    sizes = {each["metadata"]["name"]: replicas(each) for each in by_age(old)}
    minimum = replicas(deployment) - bounds(deployment).unavailable
    new_unavailable = replicas(new) - counted([new], "availableReplicas")
    allowed = wanted([*old, new]) - minimum - new_unavailable
    if sum(sizes.values()) == 0 or allowed <= 0:
        return {}
    after_cleanup = dict(sizes)
    for each in by_age(old):
        name = each["metadata"]["name"]
        broken = max(0, sizes[name] - counted([each], "availableReplicas"))
        gone = min(allowed, broken)
        after_cleanup[name] -= gone
        allowed -= gone
    spare = counted([*old, new], "availableReplicas") - minimum
    result = _shrunk(after_cleanup, spare)
    return {name: size for name, size in result.items() if size != sizes[name]}


def _shrunk(sizes: Mapping[str, int], spare: int) -> dict[str, int]:
    result = dict(sizes)
    for name, size in sizes.items():
        gone = max(0, min(size, spare))
        result[name] -= gone
        spare -= gone
    return result


def by_age(sets: Iterable[Manifest]) -> list[Manifest]:
    """Oldest first; equally old ones by name."""
    return sorted(sets, key=_age)


def _age(obj: Manifest) -> tuple[str, str]:
    # An object that is about to be created has no timestamp yet: it is the youngest.
    return obj["metadata"].get("creationTimestamp") or "~", obj["metadata"]["name"]


def proportional_sizes(deployment: Manifest, sets: Sequence[Manifest]) -> dict[str, int]:
    """Sizes after the Deployment was scaled in the middle of a rollout, by name.

    The difference is spread in proportion to the present sizes; what rounding leaves goes to the
    largest ReplicaSet.
    """
    involved = active(sets)
    total = replicas(deployment)
    allowed = total + bounds(deployment).surge if total > 0 else 0
    to_add = allowed - wanted(involved)
    order = sorted(involved, key=_age, reverse=to_add > 0)
    order.sort(key=replicas, reverse=True)
    added = 0
    sizes: dict[str, int] = {}
    for each in order:
        share = _share(each, deployment, to_add, added)
        sizes[each["metadata"]["name"]] = replicas(each) + share
        added += share
    if order and to_add:
        largest = order[0]["metadata"]["name"]
        sizes[largest] = max(0, sizes[largest] + to_add - added)
    return sizes


def _share(each: Manifest, deployment: Manifest, to_add: int, added: int) -> int:
    size = replicas(each)
    if size == 0 or to_add in (0, added):
        return 0
    rest = to_add - added
    share = _growth(each, deployment)
    return min(share, rest) if to_add > 0 else max(share, rest)


def _growth(each: Manifest, deployment: Manifest) -> int:
    size, total = replicas(each), replicas(deployment)
    if total == 0:
        return -size
    before = whole(annotation(each, MAX_REPLICAS))
    if not before:
        # Without the note of an earlier pass the size of the whole Deployment stands in.
        before = counted([deployment], "replicas")
    if not before:
        return 0
    exact = size * (total + bounds(deployment).surge) / before
    return math.floor(exact + 0.5) - size
