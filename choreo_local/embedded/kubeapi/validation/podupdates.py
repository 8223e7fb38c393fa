"""What may change of a pod: hardly anything but images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, pods, printed, scheduling
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_MAX_INT32 = 2**31 - 1
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def validate(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed pod."""
    yield from pods.validate(new)
    yield from _mirror(new, old)
    after, before = new["spec"], old["spec"]
    for field in ("containers", "initContainers"):
        given, known = after.get(field) or (), before.get(field) or ()
        if len(given) != len(known):
            yield fielderrors.forbidden(
                f"spec.{field}", "pod updates may not add or remove containers"
            )
            return
        for index, container in enumerate(given):
            if not container.get("image"):
                yield fielderrors.required(f"spec.{field}[{index}].image")
    problems = list(_deadline(after, before))
    yield from problems
    if any("previous" in problem.message or "between" in problem.message for problem in problems):
        return
    yield from _tolerations(after, before)
    yield from _gates(after, before)
    yield from _the_rest(after, before)


def _mirror(new: Object, old: Object) -> Problems:
    now = (new["metadata"].get("annotations") or {}).get(pods.MIRROR)
    then = (old["metadata"].get("annotations") or {}).get(pods.MIRROR)
    path = f"metadata.annotations[{pods.MIRROR}]"
    if then is not None and now != then:
        yield fielderrors.forbidden(path, "may not remove or update mirror pod annotation")
    elif then is None and now is not None:
        yield fielderrors.forbidden(path, "may not add mirror pod annotation")


def _deadline(after: Object, before: Object) -> Problems:
    path, now, then = (
        "spec.activeDeadlineSeconds",
        after.get("activeDeadlineSeconds"),
        before.get("activeDeadlineSeconds"),
    )
    if now is None:
        if then is not None:
            yield fielderrors.invalid_value(
                path, None, "must not update from a positive integer to nil value"
            )
    elif not 0 <= now <= _MAX_INT32:
        yield fielderrors.invalid_value(path, now, names.in_range(0, _MAX_INT32))
    elif then is not None and then < now:
        yield fielderrors.invalid_value(path, now, "must be less than or equal to previous value")


def _tolerations(after: Object, before: Object) -> Problems:
    def without_seconds(toleration: Object) -> dict[str, Any]:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    given = after.get("tolerations") or ()
    kept = [without_seconds(one) for one in given]
    if any(without_seconds(one) not in kept for one in before.get("tolerations") or ()):
        yield fielderrors.forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        )
        return
    yield from scheduling.tolerations("spec.tolerations", given)


def _gates(after: Object, before: Object) -> Problems:
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(after.get("schedulingGates") or ()):
        if gate.get("name") not in known:
            yield fielderrors.forbidden(
                f"spec.schedulingGates[{index}].name",
                f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'",
            )


def _the_rest(after: Object, before: Object) -> Problems:
    munged = copy.deepcopy(dict(after))
    for field in ("containers", "initContainers"):
        for mine, theirs in zip(munged.get(field) or (), before.get(field) or (), strict=True):
            mine["image"] = theirs.get("image")
    for field in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _take(munged, before, field)
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = grace
    if before.get("schedulingGates"):
        yield from _gated(munged, before)
    if not _is_same(munged, before):
        change = printed.difference("core.PodSpec", before, munged)
        yield fielderrors.forbidden(
            "spec", f"pod updates may not change fields other than {_UPDATABLE}\n{change}"
        )


def _take(munged: dict[str, Any], before: Object, field: str) -> None:
    if field in before:
        munged[field] = before[field]
    else:
        munged.pop(field, None)


def _gated(munged: dict[str, Any], before: Object) -> Problems:
    """A pod that waits may be narrowed down to fewer nodes."""
    selector, known = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    for key, value in known.items():
        if selector.get(key) != value:
            yield fielderrors.invalid_value(
                "spec.nodeSelector",
                selector,
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
            )
            break
    _take(munged, before, "nodeSelector")
    affinity = dict(munged.get("affinity") or {})
    kept = (before.get("affinity") or {}).get("nodeAffinity")
    affinity.pop("nodeAffinity", None)
    if kept is not None:
        affinity["nodeAffinity"] = kept
    if affinity or before.get("affinity") is not None:
        munged["affinity"] = affinity
    else:
        munged.pop("affinity", None)


def _is_same(one: Object, other: Object) -> bool:
    keys = one.keys() | other.keys()
    return all(
        one.get(key) == other.get(key) or (one.get(key) in _EMPTY and other.get(key) in _EMPTY)
        for key in keys
    )


def validate_status(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed status of a pod."""
    status, before = new.get("status") or {}, old.get("status") or {}
    nominated = status.get("nominatedNodeName")
    if nominated:
        yield from checks.fits("status.nominatedNodeName", nominated, names.dns_subdomain)
    for index, condition in enumerate(status.get("conditions") or ()):
        yield from checks.fits(
            f"status.conditions[{index}].Type", condition.get("type") or "", names.qualified_name
        )
    restart_policy = new["spec"].get("restartPolicy")
    for field in ("containerStatuses", "initContainerStatuses"):
        if restart_policy == "Always":
            continue
        yield from _transitions(
            f"status.{field}", status.get(field) or (), before.get(field) or (), restart_policy
        )
    for field in ("podIPs", "hostIPs"):
        for index, entry in enumerate(status.get(field) or ()):
            ip = entry.get("ip") or ""
            if names.parse_ip(ip) is None:
                yield from checks.ip_address(f"status.{field}[{index}]", ip)


def _transitions(
    path: str, statuses: Sequence[Object], before: Sequence[Object], policy: Any
) -> Problems:
    """What has ended for good stays ended."""
    now = {one.get("name"): one for one in statuses}
    for index, old in enumerate(before):
        ended = (old.get("state") or {}).get("terminated")
        if ended is None or (ended.get("exitCode") and policy == "OnFailure"):
            continue
        new = now.get(old.get("name"))
        if new is not None and (new.get("state") or {}).get("terminated") is None:
            yield fielderrors.forbidden(
                f"{path}[{index}].state", "may not be transitioned to non-terminated state"
            )
