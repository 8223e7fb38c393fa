"""Jobs: how many Pods run, when the Job has ended, and that each end is counted once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from choreo_local.embedded.controllermanager import (
    indexes,
    job_indexes,
    job_plan,
    job_pods,
    kinds,
)
from choreo_local.embedded.controllermanager.conditions import find
from choreo_local.embedded.controllermanager.job_pods import FINALIZER
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from tests.embedded.controllermanager.builders import NOW, metadata


def job(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata("j"),
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 6,
            "template": {
                "metadata": {"labels": {"job-name": "j"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "b"}]},
            },
            **spec,
        },
        "status": {},
    }


class World:
    """Carries plans out on plain objects."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.job = obj
        self.pods: dict[str, dict[str, Any]] = {}
        self.now = NOW
        self.events: list[str] = []
        self._made = 0

    def look(self) -> Plan:
        made = job_plan.plan(job_plan.Observed(self.job, list(self.pods.values()), self.now))
        self.events += [note.reason for note in made.notes]
        for write in made.writes:
            obj: dict[str, Any] = dict(write.obj)
            if write.kind is kinds.JOBS:
                self.job = obj
            elif write.verb is Verb.CREATE:
                self._made += 1
                name = f"pod-{self._made}"
                obj["metadata"] = {**metadata(name), **obj["metadata"], "name": name}
                self.pods[name] = {**obj, "status": {"phase": "Pending"}}
            elif write.verb is Verb.DELETE:
                self.pods.pop(obj["metadata"]["name"])
            else:
                pod = self.pods[obj["metadata"]["name"]]
                pod["metadata"] = {**pod["metadata"], "finalizers": []}
        return made

    def settle(self) -> None:
        for _ in range(50):
            if not self.look().writes:
                return
        raise AssertionError("did not settle")

    def end(self, name: str, phase: str = "Succeeded", code: int = 1) -> None:
        moment = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {"exitCode": 0 if phase == "Succeeded" else code, "finishedAt": moment}
        self.pods[name]["status"] = {
            "phase": phase,
            "containerStatuses": [{"name": "c", "state": {"terminated": ended}}],
        }

    @property
    def running(self) -> list[str]:
        return [n for n, each in self.pods.items() if each["status"]["phase"] == "Pending"]

    def condition(self, type_: str) -> tuple[str, str] | None:
        found = find(self.job["status"].get("conditions"), type_)
        return (found["reason"], found["message"]) if found else None


def test_pod_carries_the_finalizer_until_its_end_is_counted() -> None:
    world = World(job())
    world.settle()
    (pod,) = world.pods.values()
    assert pod["metadata"]["finalizers"] == [FINALIZER]
    assert world.job["status"]["active"] == 1

    world.end("pod-1")
    world.settle()

    status = world.job["status"]
    assert (status["succeeded"], status.get("active")) == (1, None)
    assert status["uncountedTerminatedPods"] == {}
    assert pod["metadata"]["finalizers"] == []
    assert world.condition("Complete") == (
        "CompletionsReached",
        "Reached expected number of succeeded pods",
    )
    assert [each["type"] for each in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert status["completionTime"] == "2030-01-01T00:00:00Z"
    assert world.events == ["Completed"]


def test_no_more_pods_run_than_are_needed() -> None:
    world = World(job(parallelism=2, completions=5))
    world.settle()
    assert len(world.running) == 2
    for _ in range(4):
        world.end(world.running[0])
        world.settle()
    assert len(world.running) == 1
    world.end(world.running[0])
    world.settle()
    assert world.job["status"]["succeeded"] == 5
    assert world.condition("Complete") is not None


def test_parallelism_may_change_while_it_runs() -> None:
    world = World(job(parallelism=3, completions=10))
    world.settle()
    world.job["spec"]["parallelism"] = 1
    world.settle()
    assert len(world.running) == 1
    assert world.job["status"].get("failed") is None


def test_failed_pods_are_replaced_after_a_growing_pause() -> None:
    world = World(job(backoffLimit=2))
    world.settle()
    world.end("pod-1", "Failed")
    world.settle()
    assert world.running == []
    again = world.look().look_again
    assert again == 10
    world.now += timedelta(seconds=10)
    world.settle()
    assert world.running == ["pod-2"]
    world.end("pod-2", "Failed")
    world.settle()
    assert world.look().look_again == 20


def test_too_many_failures_end_the_job() -> None:
    world = World(job(backoffLimit=0))
    world.settle()
    world.end("pod-1", "Failed")
    world.settle()

    assert world.condition("Failed") == (
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
    )
    assert world.job["status"]["failed"] == 1
    assert world.events == ["BackoffLimitExceeded"]


def test_deadline_ends_the_job_and_its_pods() -> None:
    world = World(job(activeDeadlineSeconds=30))
    world.settle()
    assert world.look().look_again == 30
    world.now += timedelta(seconds=30)
    world.settle()

    assert world.pods == {}
    assert world.condition("Failed") == (
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    )


def test_suspended_job_runs_nothing_until_it_is_resumed() -> None:
    world = World(job(suspend=True))
    world.settle()
    assert world.pods == {}
    assert world.condition("Suspended") == ("JobSuspended", "Job suspended")
    assert "startTime" not in world.job["status"]
    world.job["spec"]["suspend"] = False
    world.settle()
    assert len(world.running) == 1
    assert world.condition("Suspended") == ("JobResumed", "Job resumed")
    assert world.events == ["Suspended", "Resumed"]


def test_each_index_is_completed_once() -> None:
    world = World(job(completionMode="Indexed", parallelism=2, completions=3))
    world.settle()
    first = world.pods["pod-1"]
    assert first["spec"]["hostname"] == "j-0"
    assert first["metadata"]["generateName"] == "j-0-"
    label = "batch.kubernetes.io/job-completion-index"
    assert first["metadata"]["annotations"] == {label: "0"}
    assert first["spec"]["containers"][0]["env"] == [
        {
            "name": "JOB_COMPLETION_INDEX",
            "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{label}']"}},
        }
    ]
    world.end("pod-2")
    world.settle()
    assert world.job["status"]["completedIndexes"] == "1"
    assert world.pods["pod-3"]["metadata"]["annotations"] == {label: "2"}
    world.end("pod-1")
    world.end("pod-3")
    world.settle()
    assert world.job["status"]["completedIndexes"] == "0-2"
    assert world.job["status"]["succeeded"] == 3
    assert world.condition("Complete") is not None


def test_work_queue_job_ends_with_its_pods_after_the_first_success() -> None:
    world = World(job(parallelism=2, completions=None))
    world.settle()
    world.end("pod-1")
    world.settle()
    assert (world.running, world.condition("Complete")) == (["pod-2"], None)
    world.end("pod-2")
    world.settle()
    assert world.condition("Complete") is not None


def test_failure_policy_may_end_the_job_or_ignore_a_failure() -> None:
    rules = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
    world = World(job(podFailurePolicy={"rules": rules}))
    world.settle()
    world.end("pod-1", "Failed")
    condition = {"type": "DisruptionTarget", "status": "True"}
    world.pods["pod-1"]["status"]["conditions"] = [condition]
    world.settle()
    assert world.job["status"].get("failed") is None

    world.now += timedelta(minutes=10)
    world.settle()
    world.end("pod-2", "Failed", code=42)
    world.settle()
    reason, message = world.condition("Failed") or ("", "")
    assert reason == "PodFailurePolicy"
    assert message == (
        "Container c for pod default/pod-2 failed with exit code 42 "
        "matching FailJob rule at index 1"
    )


def test_finished_job_expires_after_its_time() -> None:
    world = World(job(ttlSecondsAfterFinished=5))
    world.settle()
    assert job_plan.expires_in(world.job, NOW) is None
    world.end("pod-1")
    world.settle()
    assert job_plan.expires_in(world.job, NOW) == 5
    assert job_plan.expires_in(world.job, NOW + timedelta(seconds=9)) == 0
    assert world.look() == Plan()


@pytest.mark.parametrize(
    ("found", "text"),
    [([], ""), ([3], "3"), ([1, 2], "1,2"), ([0, 1, 2, 5, 7, 8, 9], "0-2,5,7-9")],
)
def test_indexes_are_written_as_ranges(found: list[int], text: str) -> None:
    assert indexes.text_of(found) == text
    assert indexes.parse(text, 10) == set(found)


def test_indexes_beyond_the_limit_or_unreadable_are_left_out() -> None:
    assert indexes.parse("1-9999999999,x,2-", 4) == {1, 2, 3}


def indexed(**spec: Any) -> dict[str, Any]:
    return job(completionMode="Indexed", **spec)


def pod_of(world: World, index: int) -> str:
    """The name of the Pod that runs for an index."""
    names = [
        name
        for name in world.running
        if world.pods[name]["metadata"]["annotations"][job_pods.INDEX] == str(index)
    ]
    (name,) = names
    return name


def test_each_index_has_retries_of_its_own() -> None:
    world = World(indexed(parallelism=2, completions=2, backoffLimitPerIndex=1))
    world.settle()
    first = pod_of(world, 0)
    world.end(first, "Failed")
    world.settle()
    # It stays, for its count, until the pause is over and the next one is there.
    assert world.pods[first]["metadata"]["finalizers"] == [FINALIZER]
    assert world.look().look_again is not None
    world.now += timedelta(seconds=11)
    world.settle()
    again = pod_of(world, 0)
    assert world.pods[again]["metadata"]["annotations"][job_indexes.FAILURES] == "1"
    assert world.pods[first]["metadata"]["finalizers"] == []
    assert world.job["status"]["failed"] == 1

    world.end(again, "Failed")
    world.settle()

    assert world.job["status"]["failedIndexes"] == "0"
    assert world.condition("Failed") is None
    world.end(pod_of(world, 1))
    world.settle()
    assert world.condition("Failed") == ("FailedIndexes", "Job has failed indexes")
    status = world.job["status"]
    assert (status["completedIndexes"], status["succeeded"], status["failed"]) == ("1", 1, 2)


def test_too_many_failed_indexes_end_the_job() -> None:
    world = World(indexed(parallelism=3, completions=3, backoffLimitPerIndex=0, maxFailedIndexes=1))
    world.settle()
    world.end(pod_of(world, 0), "Failed")
    world.settle()
    assert world.condition("FailureTarget") is None
    world.end(pod_of(world, 1), "Failed")
    world.settle()

    assert world.condition("Failed") == (
        "MaxFailedIndexesExceeded",
        "Job has exceeded the specified maximal number of failed indexes",
    )
    assert world.job["status"]["failedIndexes"] == "0,1"
    assert world.job["status"]["failed"] == 2
    assert world.running == []


def test_a_policy_gives_an_index_up_at_once() -> None:
    rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
    world = World(
        indexed(
            parallelism=2,
            completions=2,
            backoffLimitPerIndex=5,
            podFailurePolicy={"rules": [rule]},
        )
    )
    world.settle()
    world.end(pod_of(world, 0), "Failed", code=42)
    world.settle()

    assert world.job["status"]["failedIndexes"] == "0"
    assert len(world.running) == 1


def test_failures_that_do_not_count_are_noted_apart() -> None:
    rule = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}}
    world = World(
        indexed(completions=1, backoffLimitPerIndex=0, podFailurePolicy={"rules": [rule]})
    )
    world.settle()
    world.end(pod_of(world, 0), "Failed", code=7)
    world.settle()
    world.now += timedelta(seconds=11)
    world.settle()

    noted = world.pods[pod_of(world, 0)]["metadata"]["annotations"]
    assert (noted[job_indexes.FAILURES], noted[job_indexes.IGNORED]) == ("0", "1")
    assert world.job["status"].get("failed") is None


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ({"succeededIndexes": "1"}, 0),
        ({"succeededCount": 1}, 0),
        ({"succeededIndexes": "1-2", "succeededCount": 1}, 0),
    ],
)
def test_a_policy_of_success_ends_the_job_early(rule: dict[str, Any], number: int) -> None:
    world = World(indexed(parallelism=3, completions=3, successPolicy={"rules": [rule]}))
    world.settle()
    world.end(pod_of(world, 1))
    world.settle()

    reason = ("SuccessPolicy", f"Matched rules at index {number}")
    assert world.condition("SuccessCriteriaMet") == reason
    assert world.condition("Complete") == reason
    assert world.running == []
    assert world.job["status"]["succeeded"] == 1


def test_a_policy_of_success_that_is_not_met_changes_nothing() -> None:
    rule = {"succeededIndexes": "0-1"}
    world = World(indexed(parallelism=3, completions=3, successPolicy={"rules": [rule]}))
    world.settle()
    world.end(pod_of(world, 1))
    world.settle()

    assert world.condition("SuccessCriteriaMet") is None
    assert len(world.running) == 2
