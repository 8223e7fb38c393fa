"""ReplicaSets: which Pods come and go, and what the status says."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from choreo_local.embedded.controllermanager.replicaset_plan import (
    Failure,
    Observed,
    replica_plan,
    status_plan,
)
from tests.embedded.controllermanager.builders import NOW, metadata, pod, template


def replica_set(replicas: int, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata("web-abc", **more),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(),
        },
    }


def observed(owner: dict[str, Any], *pods: dict[str, Any]) -> Observed:
    return Observed(kinds.REPLICA_SETS, owner, pods, pods, NOW)


def test_missing_pods_are_made_from_the_template_and_owned() -> None:
    owner = replica_set(2)

    made = replica_plan(observed(owner, pod("one", owner=owner)))

    (write,) = made.writes
    assert write.verb is Verb.CREATE
    assert write.obj["metadata"] == {
        "generateName": "web-abc-",
        "namespace": "default",
        "labels": {"app": "web"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-abc",
                "uid": "uid-web-abc",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert write.obj["spec"] == template()["spec"]


def test_pods_that_work_are_deleted_last() -> None:
    owner = replica_set(1)
    working = pod("working", ready=True)
    unready = pod("unready")
    unassigned = pod("unassigned", phase="Pending")
    unassigned["spec"].pop("nodeName")
    cheap = pod("cheap", ready=True)
    cheap["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "-5"}

    made = replica_plan(observed(owner, working, cheap, unready, unassigned))

    assert [write.obj["metadata"]["name"] for write in made.writes] == [
        "unassigned",
        "unready",
        "cheap",
    ]
    assert made.writes[0].notes[0].message == "Deleted pod: unassigned"


def test_finished_and_terminating_pods_do_not_count() -> None:
    owner = replica_set(1)
    gone = pod("gone", deletionTimestamp="2030-01-01T00:00:00Z")

    made = replica_plan(observed(owner, pod("failed", phase="Failed"), gone))

    assert [write.verb for write in made.writes] == [Verb.CREATE]


def test_set_under_deletion_makes_nothing() -> None:
    owner = replica_set(2, deletionTimestamp="2030-01-01T00:00:00Z")
    assert replica_plan(observed(owner)) == Plan()


def test_status_counts_what_there_is_and_is_written_once() -> None:
    owner = replica_set(3)
    pods = [
        pod("a", ready=True),
        pod("b", labels={}),
        pod("c", deletionTimestamp="2030-01-01T00:00:00Z"),
    ]

    (write,) = status_plan(observed(owner, *pods), None).writes

    assert write.obj["status"] == {
        "replicas": 2,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "terminatingReplicas": 1,
        "observedGeneration": 1,
    }
    settled = {**owner, "status": write.obj["status"]}
    assert status_plan(observed(settled, *pods), None) == Plan()


def test_pod_counts_as_available_after_its_time_and_is_looked_at_then() -> None:
    owner = replica_set(1)
    owner["spec"]["minReadySeconds"] = 30

    made = status_plan(observed(owner, pod("a", ready=True)), None)

    assert "availableReplicas" not in made.writes[0].obj["status"]
    assert made.look_again == 30


def test_failure_to_create_becomes_a_condition_until_it_is_over() -> None:
    owner = replica_set(1)
    failed = status_plan(observed(owner), Failure("FailedCreate", "quota")).writes[0].obj
    (condition,) = failed["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("ReplicaFailure", "True")
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "quota")

    recovered = status_plan(observed(dict(failed)), None).writes[0].obj
    assert "conditions" not in recovered["status"]
