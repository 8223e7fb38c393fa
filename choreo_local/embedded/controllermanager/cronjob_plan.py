"""CronJob → Jobs: one look. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from choreo_local import clock
from choreo_local.embedded.controllermanager import cronschedule, job_plan, kinds, plans
from choreo_local.embedded.controllermanager.cronschedule import Schedule, ScheduleError, ZoneError
from choreo_local.embedded.controllermanager.plans import Manifest, Note, Plan, Write
from choreo_local.embedded.controllermanager.references import controller_reference

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY_MISSED = 100
# Timers may fire a little early; a look before the minute would find nothing to do.
_SLACK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a look may use; `jobs` are those that the CronJob controls."""

    cron_job: Manifest
    jobs: Sequence[Manifest]
    now: datetime


@dataclass(slots=True)
class _Look:
    cron_job: Manifest
    jobs: Sequence[Manifest]
    now: datetime
    status: dict[str, Any]
    writes: list[Write] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.cron_job["spec"]
        return spec

    def note(self, reason: str, message: str, *, warning: bool = False) -> Note:
        return Note(self.cron_job, reason, message, warning)

    def delete(self, job: Manifest) -> None:
        message = f"Deleted job {job['metadata']['name']}"
        note = self.note("SuccessfulDelete", message)
        self.writes.append(plans.delete(kinds.JOBS, job, note))


def plan(observed: Observed) -> Plan:
    """What to do for a CronJob now."""
    cron_job = observed.cron_job
    look = _Look(cron_job, observed.jobs, observed.now, dict(cron_job.get("status") or {}))
    _count_jobs(look)
    _clean_up(look)
    again: float | None = None
    if not cron_job["metadata"].get("deletionTimestamp") and not look.spec.get("suspend"):
        again = _start(look)
    status = {key: value for key, value in look.status.items() if value}
    if status != (cron_job.get("status") or {}):
        changed = {**cron_job, "status": status}
        look.writes.append(plans.update_status(kinds.CRON_JOBS, changed))
    return Plan(tuple(look.writes), tuple(look.notes), again)


def _count_jobs(look: _Look) -> None:
    """List the Jobs that run, remember the last success."""
    listed = {each["uid"]: each for each in look.status.get("active") or ()}
    running = [job for job in look.jobs if not job_plan.finished(job)]
    for job in look.jobs:
        end = job_plan.finished(job)
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        if end is not None and uid in listed:
            message = f"Saw completed job: {name}, condition: {end['type']}"
            look.notes.append(look.note("SawCompletedJob", message))
        completed = (job.get("status") or {}).get("completionTime")
        if completed and completed > look.status.get("lastSuccessfulTime", ""):
            look.status["lastSuccessfulTime"] = completed
    known = {job["metadata"]["uid"] for job in look.jobs}
    for uid, each in listed.items():
        if uid not in known:
            message = f"Active job went missing: {each['name']}"
            look.notes.append(look.note("MissingJob", message))
    look.status["active"] = [_reference(job) for job in running]


def _reference(job: Manifest) -> dict[str, Any]:
    metadata = job["metadata"]
    return {
        "kind": "Job",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": kinds.JOBS.api_version,
        "resourceVersion": metadata.get("resourceVersion", ""),
    }


def _clean_up(look: _Look) -> None:
    """Keep as many finished Jobs as the limits say, the newest."""
    limits = {
        "Complete": look.spec.get("successfulJobsHistoryLimit", 3),
        "Failed": look.spec.get("failedJobsHistoryLimit", 1),
    }
    for type_, limit in limits.items():
        found = [job for job in look.jobs if (job_plan.finished(job) or {}).get("type") == type_]
        found.sort(key=lambda job: str((job.get("status") or {}).get("startTime", "")))
        for job in found[: max(0, len(found) - int(limit))]:
            look.delete(job)


def _start(look: _Look) -> float | None:
    """Start a Job if its time has come; seconds until the next look."""
    try:
        schedule = cronschedule.parse(look.spec["schedule"], look.spec.get("timeZone"))
    except ZoneError as error:
        message = f'invalid timeZone: "{look.spec.get("timeZone", "")}": {error}'
        look.notes.append(look.note("UnknownTimeZone", message, warning=True))
        return None
    except ScheduleError as error:
        message = f'unparseable schedule: "{look.spec["schedule"]}" : {error}'
        look.notes.append(look.note("UnparseableSchedule", message, warning=True))
        return None
    due, missed = _due(look, schedule)
    if missed > _MANY_MISSED:
        message = (
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
            "or check clock skew"
        )
        look.notes.append(look.note("TooManyMissedTimes", message, warning=True))
    if due is not None and not _is_processed(look, due):
        _start_at(look, schedule, due)
    next_ = schedule.next_after(look.now)
    return None if next_ is None else (next_ - look.now).total_seconds() + _SLACK_SECONDS


def _due(look: _Look, schedule: Schedule) -> tuple[datetime | None, int]:
    """The latest start that is due, and about how many were."""
    earliest = clock.parse_timestamp(look.cron_job["metadata"]["creationTimestamp"])
    if look.status.get("lastScheduleTime"):
        earliest = clock.parse_timestamp(look.status["lastScheduleTime"])
    deadline = look.spec.get("startingDeadlineSeconds")
    if deadline is not None:
        earliest = max(earliest, look.now - timedelta(seconds=int(deadline)))
    first = schedule.next_after(earliest)
    if first is None or first > look.now:
        return None, 0
    second = schedule.next_after(first)
    if second is None or second > look.now:
        return first, 1
    interval = max(1.0, (second - first).total_seconds())
    missed = int((look.now - first).total_seconds() // interval) + 1
    # Only the last of the missed starts matters; a jump avoids walking through all of them.
    latest = first + timedelta(seconds=(missed - 2) * interval)
    found: datetime | None = None
    following = schedule.next_after(latest)
    while following is not None and following <= look.now:
        found, following = following, schedule.next_after(following)
    return found, missed


def _is_processed(look: _Look, due: datetime) -> bool:
    name = job_name(look.cron_job, due)
    started = any(job["metadata"]["name"] == name for job in look.jobs)
    return started or look.status.get("lastScheduleTime") == clock.timestamp(due)


def _start_at(look: _Look, schedule: Schedule, due: datetime) -> None:
    deadline = look.spec.get("startingDeadlineSeconds")
    if deadline is not None and due + timedelta(seconds=int(deadline)) < look.now:
        when = format_datetime(due.astimezone(UTC))
        message = f"Missed scheduled time to start a job: {when}"
        look.notes.append(look.note("MissSchedule", message, warning=True))
        return
    policy = look.spec.get("concurrencyPolicy", "Allow")
    if policy == "Forbid" and look.status["active"]:
        message = (
            "Not starting job because prior execution is running and concurrency policy is Forbid"
        )
        look.notes.append(look.note("JobAlreadyActive", message))
        return
    if policy == "Replace":
        for job in look.jobs:
            if not job_plan.finished(job):
                look.delete(job)
    job = new_job(look.cron_job, due, schedule)
    note = look.note("SuccessfulCreate", f"Created job {job['metadata']['name']}")
    look.writes.append(plans.create(kinds.JOBS, job, note))
    look.status["lastScheduleTime"] = clock.timestamp(due)


def job_name(cron_job: Manifest, due: datetime) -> str:
    """The name of the Job of a start, so that no start happens twice."""
    return f"{cron_job['metadata']['name']}-{int(due.timestamp()) // 60}"


def new_job(cron_job: Manifest, due: datetime, schedule: Schedule) -> dict[str, Any]:
    """The Job of a start."""
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    moment = due.astimezone(schedule.zone or UTC).isoformat(timespec="seconds")
    made: dict[str, Any] = {
        "name": job_name(cron_job, due),
        "namespace": cron_job["metadata"]["namespace"],
        "annotations": {
            **(metadata.get("annotations") or {}),
            SCHEDULED_AT: moment.replace("+00:00", "Z"),
        },
        "ownerReferences": [controller_reference(cron_job, kinds.CRON_JOBS)],
    }
    if metadata.get("labels"):
        made["labels"] = dict(metadata["labels"])
    return {
        "apiVersion": kinds.JOBS.api_version,
        "kind": kinds.JOBS.kind,
        "metadata": made,
        "spec": dict(template["spec"]),
    }
