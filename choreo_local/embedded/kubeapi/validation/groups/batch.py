"""Rules of the kinds of jobs."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import cronjobs, jobs, jobstatus
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "CronJob": Rules(cronjobs.validate, cronjobs.validate_update, repeats=False),
    "Job": Rules(jobs.validate, jobs.validate_update, subresources={"status": jobstatus.validate}),
}
