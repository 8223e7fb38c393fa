"""Container states to PodStatus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from choreo_local.embedded.kubelet import podstatus
from choreo_local.embedded.kubelet.podstatus import ContainerView, Observed, Waiting
from choreo_local.embedded.kubelet.records import ContainerState
from tests.embedded.kubelet.builders import (
    NOW,
    container,
    exited,
    pod,
    record,
    running,
    sidecar,
)

READY = ContainerView(latest=running(), started=True, ready=True)


def status(manifest: dict[str, Any], *views: ContainerView, **fields: Any) -> dict[str, Any]:
    names = {view.latest.name: view for view in views if view.latest is not None}
    return podstatus.build(
        Observed(
            pod=manifest,
            containers={**names, **fields.pop("containers", {})},
            now=NOW,
            started_at=NOW - timedelta(minutes=1),
            host_addresses=["127.0.0.1"],
            **{"addresses": ["127.40.0.16"], **fields},
        )
    )


def conditions(found: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in found["conditions"]}


def condition(found: dict[str, Any], type_: str) -> dict[str, Any]:
    return next(each for each in found["conditions"] if each["type"] == type_)


def test_a_pod_that_was_just_taken_is_pending_and_creating() -> None:
    found = status(pod(), addresses=[])
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert conditions(found) == {
        "PodReadyToStartContainers": "False",
        "Initialized": "True",
        "Ready": "False",
        "ContainersReady": "False",
        "PodScheduled": "True",
    }
    assert "podIP" not in found


def test_a_running_ready_pod_says_so_everywhere() -> None:
    found = status(pod(), READY)
    assert found["phase"] == "Running"
    assert set(conditions(found).values()) == {"True"}
    assert (found["podIP"], found["podIPs"]) == ("127.40.0.16", [{"ip": "127.40.0.16"}])
    assert (found["hostIP"], found["hostIPs"]) == ("127.0.0.1", [{"ip": "127.0.0.1"}])
    assert found["startTime"] == "2026-03-01T11:59:00Z"
    assert found["containerStatuses"] == [
        {
            "name": "main",
            "image": "test.local/tester:1",
            "imageID": "tester@sha256:0",
            "containerID": "test://main-0",
            "lastState": {},
            "ready": True,
            "restartCount": 0,
            "started": True,
            "state": {"running": {"startedAt": "2026-03-01T11:59:50Z"}},
        }
    ]


def test_unready_containers_are_named() -> None:
    manifest = pod(containers=[container("a"), container("b")])
    views = [ContainerView(latest=running(name), started=True) for name in ("a", "b")]
    found = status(manifest, *views)
    assert condition(found, "Ready") == {
        "type": "Ready",
        "status": "False",
        "reason": "ContainersNotReady",
        "message": "containers with unready status: [a b]",
        "lastProbeTime": None,
        "lastTransitionTime": "2026-03-01T12:00:00Z",
        "observedGeneration": 1,
    }


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    before = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T10:00:00Z"}]
    manifest = pod(status={"conditions": before})
    assert condition(status(manifest, READY), "Ready")["lastTransitionTime"] == (
        "2026-03-01T10:00:00Z"
    )
    unready = ContainerView(latest=running(), started=True)
    assert condition(status(manifest, unready), "Ready")["lastTransitionTime"] == (
        "2026-03-01T12:00:00Z"
    )


def test_conditions_of_others_are_kept() -> None:
    manifest = pod(status={"conditions": [{"type": "example.com/Gate", "status": "True"}]})
    assert conditions(status(manifest, READY))["example.com/Gate"] == "True"


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ([], 'corresponding condition of pod readiness gate "g" does not exist.'),
        (
            [{"type": "g", "status": "False"}],
            'the status of pod readiness gate "g" is not "True", but False',
        ),
    ],
)
def test_an_open_readiness_gate_keeps_a_pod_unready(
    gates: list[dict[str, Any]], message: str
) -> None:
    manifest = pod(readinessGates=[{"conditionType": "g"}], status={"conditions": gates})
    found = condition(status(manifest, READY), "Ready")
    assert (found["status"], found["reason"]) == ("False", "ReadinessGatesNotReady")
    assert found["message"] == message
    assert conditions(status(manifest, READY))["ContainersReady"] == "True"


def test_a_fulfilled_readiness_gate_lets_a_pod_be_ready() -> None:
    manifest = pod(
        readinessGates=[{"conditionType": "g"}],
        status={"conditions": [{"type": "g", "status": "True"}]},
    )
    assert conditions(status(manifest, READY))["Ready"] == "True"


def test_a_crashing_container_waits_with_its_last_exit() -> None:
    waiting = Waiting("CrashLoopBackOff", "back-off 10s restarting failed container=main pod=…")
    view = ContainerView(latest=exited(code=1, attempt=2), waiting=waiting)
    found = status(pod(), view)["containerStatuses"][0]
    assert found["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": waiting.message}}
    assert found["lastState"]["terminated"] == {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2026-03-01T11:59:50Z",
        "finishedAt": "2026-03-01T11:59:59Z",
        "containerID": "test://main-2",
    }
    assert found["restartCount"] == 2


def test_a_crashing_pod_is_still_running() -> None:
    view = ContainerView(latest=exited(code=1), waiting=Waiting("CrashLoopBackOff"))
    assert status(pod(), view)["phase"] == "Running"


def test_a_restarted_container_shows_the_exit_before() -> None:
    view = ContainerView(latest=running(attempt=1), previous=exited(code=0), started=True)
    found = status(pod(), view)["containerStatuses"][0]
    assert found["lastState"]["terminated"]["reason"] == "Completed"
    assert found["restartCount"] == 1


def test_an_exit_between_two_passes_shows_as_terminated() -> None:
    found = status(pod(), ContainerView(latest=exited(code=3)))["containerStatuses"][0]
    assert found["state"]["terminated"]["exitCode"] == 3


def test_reason_and_last_words_of_an_exit_are_shown() -> None:
    killed = exited(code=137, reason="OOMKilled", message="no memory")
    found = status(pod(), ContainerView(latest=killed))["containerStatuses"][0]
    assert found["state"]["terminated"]["reason"] == "OOMKilled"
    assert found["state"]["terminated"]["message"] == "no memory"


def test_an_image_that_cannot_be_had_keeps_a_pod_pending() -> None:
    views = {"main": ContainerView(waiting=Waiting("ImagePullBackOff", "Back-off pulling"))}
    found = status(pod(), containers=views)
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert found["containerStatuses"][0]["image"] == "test.local/tester:1"


def test_regular_containers_wait_for_initialisation() -> None:
    manifest = pod(initContainers=[container("one"), container("two")])
    found = status(manifest, ContainerView(latest=running("one"), started=True))
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    initialized = condition(found, "Initialized")
    assert initialized["reason"] == "ContainersNotInitialized"
    assert initialized["message"] == "containers with incomplete status: [one two]"
    assert [each["name"] for each in found["initContainerStatuses"]] == ["one", "two"]


def test_initialised_means_that_all_init_containers_are_done() -> None:
    manifest = pod(initContainers=[container("one"), sidecar("proxy")])
    views = [
        ContainerView(latest=exited("one"), ready=True),
        ContainerView(latest=running("proxy"), started=True, ready=True),
        READY,
    ]
    found = status(manifest, *views)
    assert conditions(found)["Initialized"] == "True"
    assert conditions(found)["Ready"] == "True"
    assert found["phase"] == "Running"


def test_an_unready_sidecar_makes_the_pod_unready() -> None:
    manifest = pod(initContainers=[sidecar("proxy")])
    found = status(manifest, ContainerView(latest=running("proxy"), started=True), READY)
    assert condition(found, "ContainersReady")["message"] == (
        "containers with unready status: [proxy]"
    )


def test_a_pod_whose_work_succeeded_has_succeeded() -> None:
    found = status(pod(restartPolicy="Never"), ContainerView(latest=exited()), finished=True)
    assert found["phase"] == "Succeeded"
    assert condition(found, "Ready")["reason"] == "PodCompleted"
    assert condition(found, "Initialized")["reason"] == "PodCompleted"


def test_a_pod_with_one_failure_has_failed() -> None:
    manifest = pod(restartPolicy="Never", containers=[container("a"), container("b")])
    views = [ContainerView(latest=exited("a")), ContainerView(latest=exited("b", 1))]
    found = status(manifest, *views, finished=True)
    assert found["phase"] == "Failed"
    assert condition(found, "Ready")["reason"] == "PodFailed"


def test_a_pod_runs_until_its_sidecars_have_stopped() -> None:
    manifest = pod(restartPolicy="Never", initContainers=[sidecar("proxy")])
    views = [ContainerView(latest=running("proxy")), ContainerView(latest=exited())]
    assert status(manifest, *views, finished=True)["phase"] == "Running"


def test_a_deadline_fails_a_pod_with_its_reason() -> None:
    failure = Waiting("DeadlineExceeded", "too long")
    view = ContainerView(latest=exited(code=137))
    found = status(pod(), view, failure=failure, finished=True)
    assert (found["phase"], found["reason"], found["message"]) == (
        "Failed",
        "DeadlineExceeded",
        "too long",
    )


def test_an_eviction_is_a_condition_of_the_pod() -> None:
    failure = Waiting("Evicted", "too much")
    view = ContainerView(latest=exited(code=137))
    found = condition(status(pod(), view, failure=failure, finished=True), "DisruptionTarget")
    told = [found[key] for key in ("status", "reason", "message")]
    assert told == ["True", "TerminationByKubelet", "too much"]
    late = status(pod(), view, failure=Waiting("DeadlineExceeded"), finished=True)
    assert "DisruptionTarget" not in {each["type"] for each in late["conditions"]}


def test_a_final_phase_never_changes() -> None:
    manifest = pod(restartPolicy="Never", status={"phase": "Succeeded"})
    assert status(manifest, ContainerView(latest=running()))["phase"] == "Succeeded"


def test_a_running_pod_does_not_become_pending_when_its_node_starts_anew() -> None:
    manifest = pod(initContainers=[container("one")], status={"phase": "Running"})
    lost = [
        ContainerView(latest=running("one", attempt=1)),
        ContainerView(latest=exited("main", 255, lost=True)),
    ]
    assert status(manifest, *lost)["phase"] == "Running"


def test_remarks_become_conditions() -> None:
    found = condition(status(pod(), READY, remarks={"a/B": "why"}), "a/B")
    assert (found["status"], found["message"]) == ("True", "why")


def test_a_created_container_is_still_being_created() -> None:
    view = ContainerView(latest=record("main", ContainerState.CREATED))
    found = status(pod(), view)["containerStatuses"][0]
    assert found["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_resources_and_mounts_are_reported_as_granted() -> None:
    granted = {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}}
    mounts = [
        {"name": "a", "mountPath": "/a"},
        {"name": "b", "mountPath": "/b", "readOnly": True},
    ]
    manifest = pod(containers=[container(resources=granted, volumeMounts=mounts)])
    found = status(manifest, READY)["containerStatuses"][0]
    assert found["resources"] == granted
    assert found["allocatedResources"] == {"cpu": "10m"}
    assert found["volumeMounts"] == [
        {"name": "a", "mountPath": "/a"},
        {"name": "b", "mountPath": "/b", "readOnly": True, "recursiveReadOnly": "Disabled"},
    ]


def test_the_quality_class_that_was_decided_at_creation_stays() -> None:
    assert status(pod(status={"qosClass": "Guaranteed"}), READY)["qosClass"] == "Guaranteed"
    assert status(pod(), READY)["qosClass"] == "BestEffort"


def test_the_same_state_gives_the_same_status() -> None:
    first = status(pod(), READY)
    assert status(pod(status=first), READY) == first
