"""What a job's controller, or somebody in its place, may write into the status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import OMITTED
from choreo_local.embedded.kubeapi.validation import checks, jobpolicies, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_CONDITIONS = "status.conditions"
_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_TERMINAL = ("Failed", "Complete", "FailureTarget")
# Conditions that exclude each other, and what is said of both.
_EXCLUSIVE = (
    ("Complete", "Failed", "cannot set Complete=True and Failed=true conditions"),
    ("Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions"),
    (
        "SuccessCriteriaMet",
        "Failed",
        "cannot set SuccessCriteriaMet=True and Failed=true conditions",
    ),
    (
        "SuccessCriteriaMet",
        "FailureTarget",
        "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
    ),
)
# Conditions that need another one first.
_NEEDED = (
    ("Failed", "FailureTarget", "cannot set Failed=True condition without the FailureTarget=true"),
    (
        "Complete",
        "SuccessCriteriaMet",
        "cannot set Complete=True condition without the SuccessCriteriaMet=true",
    ),
)


def validate(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed status.

    Most rules are about changes: what was wrong before may stay.
    """
    status, before = new.get("status") or {}, old.get("status") or {}
    yield from checks.all_not_negative("status", status, *_COUNTS)
    yield from _uncounted(status.get("uncountedTerminatedPods") or {})
    yield from _conditions(_true(status), _true(before))
    yield from _finished(new, status, before)
    yield from _times(new["spec"], status, before)
    yield from _indexes(new["spec"], status, before)
    yield from _counters(new["spec"], status, before)


def _true(status: Object) -> set[str]:
    return {
        condition.get("type") or ""
        for condition in status.get("conditions") or ()
        if condition.get("status") == "True"
    }


def _uncounted(found: Object) -> Problems:
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(found.get(field) or ()):
            path = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                yield fielderrors.invalid_value(path, uid, "must not be empty")
            elif uid in seen:
                yield fielderrors.duplicate(path, uid)
            seen.add(uid)


def _conditions(now: set[str], then: set[str]) -> Problems:
    changed = now ^ then
    for one, other, detail in _EXCLUSIVE:
        if {one, other} <= now and changed & {one, other}:
            yield fielderrors.invalid_value(_CONDITIONS, OMITTED, detail)
    for one, needed, detail in _NEEDED:
        if one in now and needed not in now and changed & {one, needed}:
            yield fielderrors.invalid_value(_CONDITIONS, OMITTED, f"{detail} condition")
    for type_ in _TERMINAL:
        if type_ in then - now:
            yield fielderrors.invalid_value(
                _CONDITIONS, OMITTED, f"cannot disable the terminal {type_}=True condition"
            )
    if "SuccessCriteriaMet" in then - now:
        yield fielderrors.invalid_value(
            _CONDITIONS, OMITTED, "cannot disable the SuccessCriteriaMet=True condition"
        )
    if "Complete" in then and "SuccessCriteriaMet" in now - then:
        yield fielderrors.invalid_value(
            _CONDITIONS,
            OMITTED,
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
        )


def _is_finished(status: Object) -> bool:
    return bool(_true(status) & {"Complete", "Failed"})


def _finished(job: Object, status: Object, before: Object) -> Problems:
    if not _is_finished(status):
        return
    is_new = not _is_finished(before)
    for field in ("active", "terminating"):
        count = status.get(field) or 0
        if count > 0 and (is_new or count != before.get(field)):
            yield fielderrors.invalid_value(
                f"status.{field}", count, f"{field}>0 is invalid for finished job"
            )
    spec = job["spec"]
    is_empty = bool(spec.get("suspend")) and spec.get("completions") == 0
    started = status.get("startTime")
    if started is None and not is_empty and (is_new or before.get("startTime") is not None):
        yield fielderrors.required("status.startTime", "startTime is required for finished job")
    uncounted = status.get("uncountedTerminatedPods") or {}
    is_changed = uncounted != (before.get("uncountedTerminatedPods") or {})
    if any(uncounted.values()) and (is_new or is_changed):
        shown = printed.internal("batch.UncountedTerminatedPods", uncounted)
        yield fielderrors.invalid_value(
            "status.uncountedTerminatedPods", shown, "must be empty for finished job"
        )


def _times(spec: Object, status: Object, before: Object) -> Problems:
    started, completed = status.get("startTime"), status.get("completionTime")
    is_complete = "Complete" in _true(status)
    changed = completed != before.get("completionTime")
    path = "status.completionTime"
    if changed or is_complete != ("Complete" in _true(before)):
        if completed is not None and not is_complete:
            yield fielderrors.invalid_value(
                path,
                completed,
                "cannot set completionTime when there is no Complete=True condition",
            )
        if completed is None and is_complete:
            yield fielderrors.required(path, "completionTime is required for Complete jobs")
    if (changed or started != before.get("startTime")) and _is_before(completed, started):
        yield fielderrors.invalid_value(path, completed, "must be equal to or after `startTime`")
    if changed and completed is not None and before.get("completionTime") is not None:
        yield fielderrors.invalid_value(path, completed, "field is immutable")
    is_moved = before.get("startTime") not in (None, started) and not spec.get("suspend")
    if is_moved and not _is_resuming(status, before):
        yield fielderrors.invalid_value(
            "status.startTime", started, "field is immutable for unsuspended job once set"
        )


def _is_before(one: str | None, other: str | None) -> bool:
    # Times have one canonical form by now, which sorts as text.
    return one is not None and other is not None and one < other


def _is_resuming(status: Object, before: Object) -> bool:
    return "Suspended" in _true(before) and any(
        condition.get("type") == "Suspended" and condition.get("status") == "False"
        for condition in status.get("conditions") or ()
    )


def _indexes(spec: Object, status: Object, before: Object) -> Problems:
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    total = spec.get("completions")
    if completed != (before.get("completedIndexes") or ""):
        yield from _format("completedIndexes", completed, total)
        if completed and spec.get("completionMode") != "Indexed":
            yield fielderrors.invalid_value(
                "status.completedIndexes",
                completed,
                "cannot set non-empty completedIndexes when non-indexed completion mode",
            )
    if failed is not None and failed != before.get("failedIndexes"):
        if spec.get("backoffLimitPerIndex") is None:
            yield fielderrors.invalid_value(
                "status.failedIndexes",
                failed,
                "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
            )
        else:
            yield from _format("failedIndexes", failed, total)


def _format(field: str, text: str, total: int | None) -> Problems:
    if total is None:
        return
    try:
        jobpolicies.count_indexes(text, total)
    except ValueError as error:
        yield fielderrors.invalid_value(f"status.{field}", text, f"error parsing {field}: {error}")


def _counters(spec: Object, status: Object, before: Object) -> Problems:
    ready, active = status.get("ready"), status.get("active") or 0
    is_changed = ready != before.get("ready") or active != (before.get("active") or 0)
    if ready is not None and ready > active and is_changed:
        yield fielderrors.invalid_value(
            "status.ready", ready, "cannot set more ready pods than active"
        )
    is_elastic = spec.get("completionMode") == "Indexed" and (
        spec.get("completions") == spec.get("parallelism")
    )
    for field in ("failed",) if is_elastic else ("failed", "succeeded"):
        now, then = status.get(field) or 0, before.get(field) or 0
        if now < then:
            yield fielderrors.invalid_value(
                f"status.{field}", now, f"cannot decrease the {field} counter"
            )
