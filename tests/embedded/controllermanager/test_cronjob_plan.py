"""CronJobs: when they start what, and schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from choreo_local.embedded.controllermanager import cronjob_plan, cronschedule
from choreo_local.embedded.controllermanager.cronschedule import ScheduleError
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from tests.embedded.controllermanager.builders import NOW, metadata


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def following(schedule: str, start: str, zone: str | None = None) -> str:
    found = cronschedule.parse(schedule, zone).next_after(at(start))
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found else "never"


@pytest.mark.parametrize(
    ("schedule", "start", "expected"),
    [
        ("* * * * *", "2030-01-01T00:00:00Z", "2030-01-01T00:01:00Z"),
        ("*/15 * * * *", "2030-01-01T00:14:59Z", "2030-01-01T00:15:00Z"),
        ("5/20 * * * *", "2030-01-01T00:26:00Z", "2030-01-01T00:45:00Z"),
        ("0 9-17/4 * * MON-FRI", "2030-01-04T18:00:00Z", "2030-01-07T09:00:00Z"),
        ("0 0 1 jan *", "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        ("0 0 29 2 *", "2030-01-01T00:00:00Z", "2032-02-29T00:00:00Z"),
        ("0 0 31 2 *", "2030-01-01T00:00:00Z", "never"),
        ("0 0 13 * 5", "2030-01-01T00:00:00Z", "2030-01-04T00:00:00Z"),
        ("0 0 ? * 5", "2030-01-01T00:00:00Z", "2030-01-04T00:00:00Z"),
        ("@hourly", "2030-01-01T00:10:00Z", "2030-01-01T01:00:00Z"),
        ("@every 1h30m", "2030-01-01T00:10:00Z", "2030-01-01T01:40:00Z"),
        ("TZ=Europe/Berlin 0 12 * * *", "2030-01-01T00:00:00Z", "2030-01-01T11:00:00Z"),
    ],
)
def test_next_start_of_a_schedule(schedule: str, start: str, expected: str) -> None:
    assert following(schedule, start) == expected


def test_time_zone_follows_daylight_saving() -> None:
    zone = "Europe/Berlin"
    assert following("0 12 * * *", "2030-06-01T00:00:00Z", zone) == "2030-06-01T10:00:00Z"
    # 02:30 does not exist on the last Sunday of March.
    assert following("30 2 * * *", "2030-03-30T12:00:00Z", zone) == "2030-04-01T00:30:00Z"
    # 02:30 comes twice on the last Sunday of October.
    assert following("30 2 * * *", "2030-10-26T12:00:00Z", zone) == "2030-10-27T00:30:00Z"
    assert following("30 2 * * *", "2030-10-27T00:30:00Z", zone) == "2030-10-28T01:30:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "@nope",
        "L * * * *",
    ],
)
def test_what_kubernetes_refuses_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        cronschedule.parse(text)


def test_unknown_time_zone_is_named() -> None:
    with pytest.raises(ScheduleError, match="unknown time zone Nowhere/City"):
        cronschedule.parse("* * * * *", "Nowhere/City")


def cron_job(schedule: str = "0 * * * *", **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": {}}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata("tick", creationTimestamp="2029-12-31T23:30:00Z"),
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


def job(name: str, *, ended: str = "", start: str = "2029-12-31T23:00:00Z") -> dict[str, Any]:
    status: dict[str, Any] = {"startTime": start}
    if ended:
        status["conditions"] = [{"type": ended, "status": "True"}]
        status["completionTime"] = "2029-12-31T23:10:00Z"
    return {"metadata": metadata(name), "spec": {}, "status": status}


def look(obj: dict[str, Any], *jobs: dict[str, Any], now: datetime = NOW) -> Plan:
    return cronjob_plan.plan(cronjob_plan.Observed(obj, jobs, now))


def created(made: Plan) -> list[str]:
    return [w.obj["metadata"]["name"] for w in made.writes if w.verb is Verb.CREATE]


def deleted(made: Plan) -> list[str]:
    return [w.obj["metadata"]["name"] for w in made.writes if w.verb is Verb.DELETE]


def test_job_is_started_at_its_time_under_a_name_of_that_time() -> None:
    made = look(cron_job())

    minutes = int(NOW.timestamp()) // 60
    assert created(made) == [f"tick-{minutes}"]
    obj = made.writes[0].obj
    assert obj["metadata"]["labels"] == {"a": "b"}
    assert obj["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T00:00:00Z"
    }
    assert obj["metadata"]["ownerReferences"][0]["uid"] == "uid-tick"
    assert made.writes[-1].obj["status"]["lastScheduleTime"] == "2030-01-01T00:00:00Z"
    assert made.look_again == pytest.approx(3600.1)


def test_nothing_is_started_before_its_time_or_twice() -> None:
    assert created(look(cron_job(), now=NOW - timedelta(minutes=1))) == []
    done = cron_job()
    done["status"] = {"lastScheduleTime": "2030-01-01T00:00:00Z"}
    assert created(look(done, now=NOW + timedelta(minutes=5))) == []
    minutes = int(NOW.timestamp()) // 60
    assert created(look(cron_job(), job(f"tick-{minutes}"))) == []


def test_only_the_latest_missed_start_is_made_up_for() -> None:
    late = look(cron_job("*/10 * * * *"), now=NOW + timedelta(minutes=34))
    assert created(late) == [f"tick-{int(NOW.timestamp()) // 60 + 30}"]
    very_late = look(cron_job("* * * * *"), now=NOW + timedelta(days=1))
    assert len(created(very_late)) == 1
    assert very_late.notes[0].reason == "TooManyMissedTimes"


def test_start_that_is_too_late_is_left_out() -> None:
    made = look(cron_job(startingDeadlineSeconds=60), now=NOW + timedelta(minutes=5))
    assert created(made) == []


def test_concurrency_policy_decides_about_running_jobs() -> None:
    running = job("tick-1")
    assert len(created(look(cron_job(), running))) == 1
    forbidden = look(cron_job(concurrencyPolicy="Forbid"), running)
    assert (created(forbidden), forbidden.notes[0].reason) == ([], "JobAlreadyActive")
    replaced = look(cron_job(concurrencyPolicy="Replace"), running)
    assert (len(created(replaced)), deleted(replaced)) == (1, ["tick-1"])


def test_suspended_cron_job_starts_nothing() -> None:
    assert created(look(cron_job(suspend=True))) == []


def test_finished_jobs_are_kept_up_to_the_limits() -> None:
    jobs = [job(f"ok-{n}", ended="Complete", start=f"2029-12-31T0{n}:00:00Z") for n in range(4)]
    failed = [job(f"bad-{n}", ended="Failed", start=f"2029-12-31T0{n}:00:00Z") for n in range(2)]
    made = look(cron_job(suspend=True), *jobs, *failed)
    assert deleted(made) == ["ok-0", "bad-0"]
    assert made.writes[-1].obj["status"]["lastSuccessfulTime"] == "2029-12-31T23:10:00Z"


def test_active_jobs_are_listed_and_their_end_is_told() -> None:
    obj = cron_job(suspend=True)
    obj["status"] = {"active": [{"uid": "uid-done", "name": "done"}, {"uid": "x", "name": "lost"}]}
    made = look(obj, job("done", ended="Complete"), job("going"))
    assert [note.message for note in made.notes] == [
        "Saw completed job: done, condition: Complete",
        "Active job went missing: lost",
    ]
    assert [each["name"] for each in made.writes[-1].obj["status"]["active"]] == ["going"]


def test_time_zone_that_this_machine_does_not_know_is_told() -> None:
    made = look(cron_job(timeZone="Nowhere/City"))

    assert created(made) == []
    (note,) = made.notes
    assert note.reason == "UnknownTimeZone"
    assert note.message == 'invalid timeZone: "Nowhere/City": unknown time zone Nowhere/City'
    assert made.look_again is None
