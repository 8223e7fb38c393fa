"""The Pods of a Job: which have finished, which are missing, and how they are made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import kinds, pods
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.references import controller_reference

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=10)


def is_indexed(job: Manifest) -> bool:
    """Whether each completion has its own index."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Manifest) -> int | None:
    """The completion index of a Pod."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdecimal() else None


def is_tracked(pod: Manifest) -> bool:
    """Whether its end has not been counted yet."""
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def only_failed_are_replaced(job: Manifest) -> bool:
    """Whether a Pod is replaced only when it has failed, not as soon as it is being deleted."""
    policy = job["spec"].get("podReplacementPolicy")
    return policy == "Failed" or bool(job["spec"].get("podFailurePolicy"))


def has_failed(job: Manifest, pod: Manifest) -> bool:
    """Whether a Pod counts as failed."""
    if pods.phase(pod) == "Failed":
        return True
    if only_failed_are_replaced(job):
        return False
    return pods.is_terminating(pod) and pods.phase(pod) != "Succeeded"


def without_finalizer(pod: Manifest) -> dict[str, Any]:
    """The patch that lets a counted Pod go."""
    rest = [each for each in pod["metadata"].get("finalizers") or () if each != FINALIZER]
    return {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": rest or None}}


def new_pod(
    job: Manifest, index: int | None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A Pod of a Job, for a completion index if it has those."""
    owner = controller_reference(job, kinds.JOBS)
    pod = pods.from_template(
        job["spec"]["template"], namespace=job["metadata"]["namespace"], owner=owner
    )
    metadata = pod["metadata"]
    metadata["finalizers"] = [*metadata.get("finalizers", ()), FINALIZER]
    if index is not None:
        _set_index(pod, job["metadata"]["name"], index)
    if annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    return pod


def _set_index(pod: dict[str, Any], job_name: str, index: int) -> None:
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["generateName"] = pods.generate_name(f"{job_name}-{index}")
    for field in ("annotations", "labels"):
        metadata[field] = {**(metadata.get(field) or {}), INDEX: str(index)}
    spec["hostname"] = f"{job_name}-{index}"
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [_with_index_variable(each) for each in spec[field]]


def _with_index_variable(container: Mapping[str, Any]) -> dict[str, Any]:
    env = list(container.get("env") or ())
    if any(each["name"] == "JOB_COMPLETION_INDEX" for each in env):
        return dict(container)
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]}


def missing_indexes(
    job: Manifest, count: int, *, done: Iterable[int], found: Iterable[Manifest]
) -> list[int]:
    """The lowest indexes that are neither done nor being worked on."""
    taken = {*done, *(index_of(pod) for pod in found)}
    free = (each for each in range(int(job["spec"]["completions"])) if each not in taken)
    return [index for index, _ in zip(free, range(count), strict=False)]


def restarts_exceed(job: Manifest, found: Iterable[Manifest]) -> bool:
    """Whether containers that restart in place have failed too often."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    total = sum(_restarts(pod) for pod in found if pods.phase(pod) in ("Running", "Pending"))
    limit = int(job["spec"].get("backoffLimit", 6))
    return total > 0 if limit == 0 else total >= limit


def _restarts(pod: Manifest) -> int:
    status = pod.get("status") or {}
    listed = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    return sum(int(each.get("restartCount", 0)) for each in listed)


def pause_left(job: Manifest, found: Sequence[Manifest], now: datetime) -> timedelta:
    """How long to wait before the next Pod, after those that failed since the last success."""
    finished = sorted(
        ((finish_time(pod, now), has_failed(job, pod)) for pod in found if _is_over(job, pod)),
        reverse=True,
    )
    failures = 0
    for _, failed in finished:
        if not failed:
            break
        failures += 1
    if not failures:
        return timedelta()
    return pause_after(failures, finished[0][0], now)


def pause_after(failures: int, last: datetime, now: datetime) -> timedelta:
    """What is left of the pause after so many failures, the last of which is known."""
    pause: timedelta = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
    return max(timedelta(), last + pause - now)


def _is_over(job: Manifest, pod: Manifest) -> bool:
    return pods.phase(pod) == "Succeeded" or has_failed(job, pod)


def finish_time(pod: Manifest, now: datetime) -> datetime:
    """When the containers of a Pod ended, as far as it is known."""
    status = pod.get("status") or {}
    ends = [
        ((each.get("state") or {}).get("terminated") or {}).get("finishedAt")
        for each in status.get("containerStatuses") or ()
    ]
    known = [each for each in ends if each]
    ready = pods.condition(pod, "Ready")
    if not known and ready is not None:
        known = [each for each in (ready.get("lastTransitionTime"),) if each]
    if not known:
        known = [each for each in (pod["metadata"].get("deletionTimestamp"),) if each]
    return min(now, max(map(clock.parse_timestamp, known), default=now))
