"""Job → Pods until it is complete or has failed: one look. Pure.

The end of a Pod is counted in two steps, so that none is lost or counted twice: its uid is noted in
the status, then its finalizer is taken away, then the counter rises. Each look does what can be
done now; the writes wake the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import (
    indexes,
    job_indexes,
    job_pods,
    kinds,
    plans,
    podfailurepolicy,
    pods,
)
from choreo_local.embedded.controllermanager.conditions import condition, find
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write

_BURST = 500
_MOST_UNCOUNTED = 500
_COMPLETE = ("CompletionsReached", "Reached expected number of succeeded pods")
_BACKOFF = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
_DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use; `pods` are those that the Job controls."""

    job: Manifest
    pods: Sequence[Manifest]
    now: datetime


@dataclass(slots=True)
class _Look:
    job: Manifest
    pods: Sequence[Manifest]
    now: datetime
    status: dict[str, Any]
    writes: list[Write] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    # (succeeded?, reason, message) once the end of the Job is decided.
    verdict: tuple[bool, str, str] | None = None
    deleted: set[str] = field(default_factory=set)
    created: int = 0
    # Indexes that are given up, and failed Pods that stay until their index is tried again.
    given_up: set[int] = field(default_factory=set)
    held: int = 0

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.job["spec"]
        return spec

    @property
    def active(self) -> list[Manifest]:
        return [
            pod
            for pod in self.pods
            if pods.is_active(pod) and pod["metadata"]["uid"] not in self.deleted
        ]

    @property
    def terminating(self) -> list[Manifest]:
        return [
            pod
            for pod in self.pods
            if (pods.is_terminating(pod) or pod["metadata"]["uid"] in self.deleted)
            and not pods.is_finished(pod)
        ]

    def delete(self, pod: Manifest) -> None:
        """Delete a Pod that shall not count as failed."""
        if job_pods.is_tracked(pod):
            self.writes.append(plans.patch(kinds.PODS, pod, job_pods.without_finalizer(pod)))
        message = f"Deleted pod: {pod['metadata']['name']}"
        note = Note(self.job, "SuccessfulDelete", message)
        self.writes.append(plans.delete(kinds.PODS, pod, note))
        self.deleted.add(pod["metadata"]["uid"])


def finished(job: Manifest) -> Manifest | None:
    """The condition that says how the Job ended."""
    for each in (job.get("status") or {}).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            found: Manifest = each
            return found
    return None


def plan(observed: Observed) -> Plan:
    """What to do for a Job now."""
    job = observed.job
    if job["spec"].get("managedBy") not in (None, "kubernetes.io/job-controller"):
        return Plan()
    if finished(job):
        return Plan(tuple(_released(observed.pods)))
    look = _Look(job, observed.pods, observed.now, dict(job.get("status") or {}))
    is_suspended = bool(look.spec.get("suspend"))
    if not look.status.get("startTime") and not is_suspended:
        look.status["startTime"] = clock.timestamp(observed.now)
    if job_indexes.are_limited(job):
        look.given_up = job_indexes.failed(job, look.status, look.pods)
        look.status["failedIndexes"] = indexes.text_of(look.given_up)
    uncounted = _counted(look)
    _judge_failure(look)
    _judge_indexes(look)
    if look.verdict is not None:
        for pod in look.active:
            look.delete(pod)
    elif not job["metadata"].get("deletionTimestamp"):
        _manage(look)
        _judge_success(look)
        if look.verdict is None:
            _tell_suspension(look)
    return _concluded(look, uncounted)


def _released(found: Sequence[Manifest]) -> list[Write]:
    """Let the Pods go that an earlier look could not."""
    return [
        plans.patch(kinds.PODS, pod, job_pods.without_finalizer(pod))
        for pod in found
        if job_pods.is_tracked(pod)
    ]


def _counted(look: _Look) -> list[Manifest]:
    """Move noted Pods without finalizer into the counters, note new ones; those to release now."""
    noted = look.status.get("uncountedTerminatedPods") or {}
    tracked = {pod["metadata"]["uid"]: pod for pod in look.pods if job_pods.is_tracked(pod)}
    remaining: dict[str, list[str]] = {}
    for outcome in ("succeeded", "failed"):
        uids = noted.get(outcome) or []
        remaining[outcome] = [uid for uid in uids if uid in tracked]
        gone = len(uids) - len(remaining[outcome])
        if gone and not (outcome == "succeeded" and job_pods.is_indexed(look.job)):
            look.status[outcome] = look.status.get(outcome, 0) + gone
    release = [tracked[uid] for uids in remaining.values() for uid in uids]
    for uid, pod in tracked.items():
        if uid in remaining["succeeded"] or uid in remaining["failed"]:
            continue
        if len(release) >= _MOST_UNCOUNTED:
            break
        if _note_end(look, pod, remaining):
            release.append(pod)
    look.status["uncountedTerminatedPods"] = {
        outcome: uids for outcome, uids in remaining.items() if uids
    }
    return release


def _note_end(look: _Look, pod: Manifest, noted: dict[str, list[str]]) -> bool:
    """Note how a Pod ended; False while it has not."""
    uid = pod["metadata"]["uid"]
    if pods.phase(pod) == "Succeeded":
        if job_pods.is_indexed(look.job):
            _complete_index(look, pod)
        else:
            noted["succeeded"].append(uid)
        return True
    if job_pods.has_failed(look.job, pod):
        verdict = podfailurepolicy.judge(look.spec.get("podFailurePolicy"), pod)
        if verdict.fails_job and look.verdict is None:
            look.verdict = (False, "PodFailurePolicy", verdict.message)
        if _is_held(look, pod):
            look.held += 1
            return False
        if verdict.counts:
            noted["failed"].append(uid)
        return True
    return bool(look.job["metadata"].get("deletionTimestamp"))


def _is_held(look: _Look, pod: Manifest) -> bool:
    if not job_indexes.are_limited(look.job) or look.job["metadata"].get("deletionTimestamp"):
        return False
    conditions = look.status.get("conditions")
    if find(conditions, "FailureTarget") or find(conditions, "SuccessCriteriaMet"):
        return False
    return job_indexes.is_held(look.job, pod, pods=look.pods, given_up=look.given_up)


def _complete_index(look: _Look, pod: Manifest) -> None:
    index, total = job_pods.index_of(pod), int(look.spec["completions"])
    if index is None or index >= total:
        return
    done = indexes.parse(look.status.get("completedIndexes"), total) | {index}
    look.status["completedIndexes"] = indexes.text_of(done)
    look.status["succeeded"] = len(done)


def _total(look: _Look, outcome: str) -> int:
    noted = look.status.get("uncountedTerminatedPods") or {}
    return int(look.status.get(outcome, 0)) + len(noted.get(outcome) or ())


def _judge_failure(look: _Look) -> None:
    conditions = look.status.get("conditions")
    for type_, succeeded in (("SuccessCriteriaMet", True), ("FailureTarget", False)):
        known = find(conditions, type_)
        if known is not None and known["status"] == "True":
            look.verdict = (succeeded, known.get("reason", ""), known.get("message", ""))
    if look.verdict is not None:
        return
    too_many = _total(look, "failed") > int(look.spec.get("backoffLimit", 6))
    if too_many or job_pods.restarts_exceed(look.job, look.pods):
        look.verdict = (False, *_BACKOFF)
        return
    seconds = look.spec.get("activeDeadlineSeconds")
    if seconds is None or look.spec.get("suspend"):
        return
    started = clock.parse_timestamp(look.status["startTime"])
    left = (started + timedelta(seconds=int(seconds)) - look.now).total_seconds()
    if left <= 0:
        look.verdict = (False, *_DEADLINE)
    else:
        look.waits.append(left)


def _done(look: _Look) -> set[int]:
    return indexes.parse(look.status.get("completedIndexes"), int(look.spec["completions"]))


def _judge_indexes(look: _Look) -> None:
    if look.verdict is None and job_pods.is_indexed(look.job):
        look.verdict = job_indexes.ending(look.job, done=_done(look), given_up=look.given_up)


def _manage(look: _Look) -> None:
    """Create missing Pods, delete superfluous ones."""
    active = look.active
    if look.spec.get("suspend"):
        for pod in active:
            look.delete(pod)
        return
    wanted = _wanted(look, len(active))
    if len(active) > wanted:
        order = pods.by_deletion_order(active, related=active, now=look.now)
        for pod in order[: len(active) - wanted]:
            look.delete(pod)
        return
    missing = wanted - len(active)
    if job_pods.only_failed_are_replaced(look.job):
        missing -= len(look.terminating)
    if missing <= 0:
        return
    if job_indexes.are_limited(look.job):
        _retry_indexes(look, min(missing, _BURST))
        return
    pause = job_pods.pause_left(look.job, look.pods, look.now).total_seconds()
    if pause > 0:
        look.waits.append(pause)
        return
    _create(look, min(missing, _BURST))


def _wanted(look: _Look, active: int) -> int:
    """How many Pods should run now."""
    parallelism = int(look.spec.get("parallelism", 1))
    succeeded = _total(look, "succeeded")
    completions = look.spec.get("completions")
    if completions is None:
        # Any success ends such a Job: nothing new is started then.
        return min(active, parallelism) if succeeded else parallelism
    return max(0, min(int(completions) - succeeded, parallelism))


def _create(look: _Look, count: int) -> None:
    if not job_pods.is_indexed(look.job):
        found: Sequence[int | None] = [None] * count
    else:
        found = job_pods.missing_indexes(look.job, count, done=_done(look), found=look.active)
    for index in found:
        look.writes.append(plans.create(kinds.PODS, job_pods.new_pod(look.job, index)))
    look.created = len(found)


def _retry_indexes(look: _Look, count: int) -> None:
    """Create Pods for indexes that are neither done, given up, nor in the pause of a failure."""
    job, total = look.job, int(look.spec["completions"])
    over = _done(look) | look.given_up
    last = job_indexes.latest_failed(job, look.pods)
    taken = [*look.active, *(look.terminating if job_pods.only_failed_are_replaced(job) else ())]
    for index in job_pods.missing_indexes(job, total, done=over, found=taken):
        pause = job_indexes.pause_left(job, last.get(index), look.now).total_seconds()
        if pause > 0:
            look.waits.append(pause)
        elif look.created < count:
            noted = job_indexes.noted_failures(job, last.get(index))
            look.writes.append(plans.create(kinds.PODS, job_pods.new_pod(job, index, noted)))
            look.created += 1


def _judge_success(look: _Look) -> None:
    succeeded = _total(look, "succeeded")
    running = len(look.active) + look.created
    completions = look.spec.get("completions")
    needed = 1 if completions is None else int(completions)
    if succeeded >= needed and not running:
        look.verdict = (True, *_COMPLETE)


def _tell_suspension(look: _Look) -> None:
    known = find(look.status.get("conditions"), "Suspended")
    if look.spec.get("suspend"):
        if known is None or known["status"] != "True":
            _set(look, "Suspended", "True", "JobSuspended", "Job suspended")
            look.notes.append(Note(look.job, "Suspended", "Job suspended"))
            look.status.pop("startTime", None)
    elif known is not None and known["status"] == "True":
        _set(look, "Suspended", "False", "JobResumed", "Job resumed")
        look.notes.append(Note(look.job, "Resumed", "Job resumed"))
        look.status["startTime"] = clock.timestamp(look.now)


def _set(look: _Look, type_: str, status: str, reason: str, message: str) -> None:
    made = condition(type_, status, reason, message, now=look.now)
    # Jobs also say when they looked last, which for them is when the condition began.
    made = {"type": type_, "status": status, "lastProbeTime": made["lastTransitionTime"], **made}
    conditions = list(look.status.get("conditions") or ())
    for index, each in enumerate(conditions):
        if each["type"] == type_:
            conditions[index] = made
            break
    else:
        conditions.append(made)
    look.status["conditions"] = conditions


def _concluded(look: _Look, release: Sequence[Manifest]) -> Plan:
    """The status, and after it the Pods whose end it notes."""
    _count_running(look)
    if look.verdict is not None:
        _end(look, release)
    status = {
        key: value
        for key, value in look.status.items()
        if value not in (None, "") or key == "failedIndexes"
    }
    for key in ("active", "succeeded", "failed"):
        if status.get(key) == 0:
            del status[key]
    writes = look.writes
    if status != (look.job.get("status") or {}):
        changed = {**look.job, "status": status}
        writes = [*writes, plans.update_status(kinds.JOBS, changed)]
    writes = [*writes, *_released(release)]
    return Plan(tuple(writes), tuple(look.notes), plans.soonest(*look.waits))


def _count_running(look: _Look) -> None:
    look.status["active"] = len(look.active) + look.created
    look.status["ready"] = sum(pods.is_ready(pod) for pod in look.active)
    look.status["terminating"] = len(look.terminating)


def _end(look: _Look, release: Sequence[Manifest]) -> None:
    """First the outcome is noted; the Job is over when its last Pod is counted and gone."""
    assert look.verdict is not None
    succeeded, reason, message = look.verdict
    interim = "SuccessCriteriaMet" if succeeded else "FailureTarget"
    if find(look.status.get("conditions"), interim) is None:
        _set(look, interim, "True", reason, message)
    pending = look.status.get("uncountedTerminatedPods") or look.status["terminating"]
    if pending or release or look.held or look.status["active"]:
        return
    _set(look, "Complete" if succeeded else "Failed", "True", reason, message)
    if succeeded:
        look.status["completionTime"] = clock.timestamp(look.now)
        look.notes.append(Note(look.job, "Completed", "Job completed"))
    else:
        look.notes.append(Note(look.job, reason, message, warning=True))


def expires_in(job: Manifest, now: datetime) -> float | None:
    """Seconds until a finished Job is to be deleted; None when it stays."""
    seconds, end = job["spec"].get("ttlSecondsAfterFinished"), finished(job)
    if seconds is None or end is None or job["metadata"].get("deletionTimestamp"):
        return None
    since = clock.parse_timestamp(end["lastTransitionTime"])
    return max(0.0, (since + timedelta(seconds=int(seconds)) - now).total_seconds())
