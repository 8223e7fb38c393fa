"""Cron jobs: their schedules and the jobs they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, cronschedules, jobs
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

# Names of jobs have eleven letters more.
_MAX_NAME = 52
_POLICIES = ("Allow", "Forbid", "Replace")
_ZONE_PART = re2.compile(r"^[A-Za-z\.\-_0-9+]{1,14}$")


def validate(obj: Manifest) -> Problems:
    """The problems of a new cron job."""
    yield from _spec(obj["spec"], None)
    name = obj["metadata"].get("name") or ""
    if len(name) > _MAX_NAME:
        yield fielderrors.invalid_value(
            "metadata.name", name, f"must be no more than {_MAX_NAME} characters"
        )


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed cron job."""
    yield from _spec(new["spec"], old["spec"])


def _spec(spec: Object, before: Object | None) -> Problems:
    zone = spec.get("timeZone")
    had_zone = before is not None and "TZ" in (before.get("schedule") or "")
    yield from _schedule(spec.get("schedule") or "", zone, had_zone=had_zone)
    yield from checks.all_not_negative("spec", spec, "startingDeadlineSeconds")
    if zone is not None and (before is None or before.get("timeZone") != zone):
        yield from _time_zone(zone)
    yield from checks.required_one_of(
        "spec.concurrencyPolicy", spec.get("concurrencyPolicy"), _POLICIES
    )
    yield from _job_template((spec.get("jobTemplate") or {}).get("spec") or {})
    yield from checks.all_not_negative(
        "spec", spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit"
    )


def _schedule(schedule: str, zone: str | None, *, had_zone: bool) -> Problems:
    path = "spec.schedule"
    if not schedule:
        yield fielderrors.required(path)
        return
    try:
        cronschedules.check(schedule)
    except ValueError as error:
        yield fielderrors.invalid_value(path, schedule, str(error))
    if "TZ" not in schedule:
        return
    if not had_zone:
        yield fielderrors.invalid_value(
            path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        )
    elif zone is not None:
        yield fielderrors.invalid_value(
            path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        )


def _time_zone(zone: str) -> Problems:
    path = "spec.timeZone"
    if not zone:
        yield fielderrors.invalid_value(path, zone, "timeZone must be nil or non-empty string")
        return
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or _ZONE_PART.match(part) is None:
            yield fielderrors.invalid_value(path, zone, f"unknown time zone {zone}")
            return
    if zone.lower() == "local":
        yield fielderrors.invalid_value(
            path,
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        )
    elif not cronschedules.is_known_zone(zone):
        yield fielderrors.invalid_value(path, zone, f"unknown time zone {zone}")


def _job_template(spec: Object) -> Problems:
    path = "spec.jobTemplate.spec"
    yield from jobs.template_spec(spec, path)
    if spec.get("selector") is not None:
        yield fielderrors.invalid_value(
            f"{path}.selector", spec["selector"], "`selector` will be auto-generated"
        )
    if spec.get("manualSelector"):
        manual = spec["manualSelector"]
        yield fielderrors.not_supported(f"{path}.manualSelector", manual, ("nil", "false"))
