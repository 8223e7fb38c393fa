"""Jobs whose indexes fail one by one, and policies of success. Pure.

With `backoffLimitPerIndex` each index has retries of its own. How often an index has failed is
noted on the Pod that tries it next, so a failed Pod is kept until that one is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from choreo_local.embedded.controllermanager import indexes, job_pods, podfailurepolicy
from choreo_local.embedded.controllermanager.plans import Manifest

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"

# (succeeded?, reason, message)
Ending = tuple[bool, str, str]


def are_limited(job: Manifest) -> bool:
    """Whether each index may fail so and so often."""
    return job["spec"].get("backoffLimitPerIndex") is not None


def _noted(pod: Manifest, annotation: str) -> int:
    text = str((pod["metadata"].get("annotations") or {}).get(annotation, ""))
    return int(text) if text.isdecimal() else 0


def failures(job: Manifest, pod: Manifest) -> tuple[int, int]:
    """How often the index of a failed Pod has failed, this time included: counted and ignored."""
    counted, ignored = _noted(pod, FAILURES), _noted(pod, IGNORED)
    if podfailurepolicy.judge(job["spec"].get("podFailurePolicy"), pod).counts:
        return counted + 1, ignored
    return counted, ignored + 1


def latest_failed(job: Manifest, pods: Iterable[Manifest]) -> dict[int, Manifest]:
    """Of each index the Pod that failed last."""
    found: dict[int, Manifest] = {}
    for pod in pods:
        index = job_pods.index_of(pod)
        if index is None or not job_pods.has_failed(job, pod):
            continue
        if index not in found or sum(failures(job, pod)) > sum(failures(job, found[index])):
            found[index] = pod
    return found


def is_exhausted(job: Manifest, pod: Manifest) -> bool:
    """Whether the index of a failed Pod is given up."""
    if podfailurepolicy.judge(job["spec"].get("podFailurePolicy"), pod).fails_index:
        return True
    return failures(job, pod)[0] > int(job["spec"]["backoffLimitPerIndex"])


def failed(job: Manifest, status: Manifest, pods: Iterable[Manifest]) -> set[int]:
    """The indexes that are given up."""
    total = int(job["spec"]["completions"])
    known = indexes.parse(status.get("failedIndexes"), total)
    for index, pod in latest_failed(job, pods).items():
        if index < total and is_exhausted(job, pod):
            known.add(index)
    return known


def is_held(job: Manifest, pod: Manifest, *, pods: Sequence[Manifest], given_up: set[int]) -> bool:
    """Whether a failed Pod has to stay until the next one of its index is there."""
    index = job_pods.index_of(pod)
    if index is None or index in given_up or index >= int(job["spec"]["completions"]):
        return False
    tries = sum(failures(job, pod))
    return not any(
        job_pods.index_of(other) == index
        and _noted(other, FAILURES) + _noted(other, IGNORED) >= tries
        for other in pods
    )


def noted_failures(job: Manifest, last: Manifest | None) -> dict[str, str]:
    """What a new Pod notes of the failures of its index."""
    counted, ignored = failures(job, last) if last is not None else (0, 0)
    return {FAILURES: str(counted), **({IGNORED: str(ignored)} if ignored else {})}


def pause_left(job: Manifest, last: Manifest | None, now: datetime) -> timedelta:
    """How long to wait before an index is tried again."""
    return timedelta() if last is None else job_pods.pause_after(
        sum(failures(job, last)), job_pods.finish_time(last, now), now
    )  # fmt: skip


def ending(job: Manifest, *, done: set[int], given_up: set[int]) -> Ending | None:
    """How a Job ends for what its indexes have come to."""
    total, most = int(job["spec"]["completions"]), job["spec"].get("maxFailedIndexes")
    if given_up and most is not None and len(given_up) > int(most):
        message = "Job has exceeded the specified maximal number of failed indexes"
        return False, "MaxFailedIndexesExceeded", message
    if given_up and len(done | given_up) >= total:
        return False, "FailedIndexes", "Job has failed indexes"
    return _matched(job["spec"].get("successPolicy"), done, total)


def _matched(policy: Mapping[str, Any] | None, done: set[int], total: int) -> Ending | None:
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        named = rule.get("succeededIndexes")
        wanted = indexes.parse(named, total) if named is not None else set(range(total))
        count = rule.get("succeededCount")
        needed = len(wanted) if count is None else int(count)
        if len(done & wanted) >= needed:
            return True, "SuccessPolicy", f"Matched rules at index {number}"
    return None
