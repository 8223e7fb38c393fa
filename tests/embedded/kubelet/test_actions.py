"""What a pod needs next."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded.kubelet import actions
from choreo_local.embedded.kubelet.actions import Actions, Observed
from choreo_local.embedded.kubelet.records import ContainerRecord
from tests.embedded.kubelet.builders import container, exited, pod, running, sidecar


def decide(
    manifest: dict[str, Any],
    *records: ContainerRecord,
    started: set[str] | None = None,
    unhealthy: dict[str, str] | None = None,
) -> Actions:
    alive = {record.name for record in records if record.is_running}
    return actions.decide(
        Observed(
            pod=manifest,
            latest={record.name: record for record in records},
            started=frozenset(alive if started is None else started),
            unhealthy=unhealthy or {},
        )
    )


def test_all_containers_of_a_new_pod_are_started() -> None:
    found = decide(pod(containers=[container("a"), container("b")]))
    assert found == Actions(start=("a", "b"))


def test_nothing_is_done_while_all_containers_run() -> None:
    assert decide(pod(), running()) == Actions()


@pytest.mark.parametrize(
    ("policy", "code", "restarts"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_restart_policy_decides_after_an_exit(policy: str, code: int, *, restarts: bool) -> None:
    found = decide(pod(restartPolicy=policy), exited(code=code))
    assert (found.start == ("main",)) is restarts
    assert found.finished is not restarts


def test_a_pod_is_not_finished_while_another_container_runs() -> None:
    manifest = pod(restartPolicy="Never", containers=[container("a"), container("b")])
    assert decide(manifest, exited("a"), running("b")) == Actions()


def test_init_containers_run_one_after_the_other() -> None:
    manifest = pod(initContainers=[container("one"), container("two")])
    assert decide(manifest).start == ("one",)
    assert decide(manifest, running("one")).start == ()
    assert decide(manifest, exited("one")).start == ("two",)
    assert decide(manifest, exited("one"), exited("two")).start == ("main",)


def test_a_failed_init_container_is_tried_again() -> None:
    manifest = pod(initContainers=[container("one")])
    assert decide(manifest, exited("one", 1)).start == ("one",)


def test_a_failed_init_container_ends_a_pod_that_never_restarts() -> None:
    manifest = pod(initContainers=[container("one")], restartPolicy="Never")
    assert decide(manifest, exited("one", 1)) == Actions(finished=True)


def test_init_containers_do_not_run_again_when_a_regular_container_restarts() -> None:
    manifest = pod(initContainers=[container("one")])
    assert decide(manifest, exited("main", 1)).start == ("main",)


def test_a_sidecar_holds_back_what_follows_until_it_has_started() -> None:
    manifest = pod(initContainers=[sidecar("proxy"), container("one")])
    assert decide(manifest).start == ("proxy",)
    assert decide(manifest, running("proxy"), started=set()).start == ()
    assert decide(manifest, running("proxy")).start == ("one",)
    assert decide(manifest, running("proxy"), exited("one")).start == ("main",)


def test_a_sidecar_that_ended_is_restarted_beside_the_regular_containers() -> None:
    manifest = pod(initContainers=[sidecar()])
    assert decide(manifest, exited("proxy", 0), running()).start == ("proxy",)


def test_sidecars_do_not_keep_a_pod_whose_work_is_done() -> None:
    manifest = pod(initContainers=[sidecar("a"), sidecar("b")], restartPolicy="Never")
    found = decide(manifest, running("a"), running("b"), exited("main"))
    # Ending them is one job with one order, not one for each of them.
    assert found == Actions(finished=True)


def test_an_unhealthy_container_is_stopped_with_the_message_of_its_probe() -> None:
    message = "Container main failed liveness probe, will be restarted"
    found = decide(pod(), running(), unhealthy={"main": message})
    assert found == Actions(stop={"main": message})


def test_the_verdict_on_a_container_that_has_ended_is_not_carried_out() -> None:
    assert decide(pod(), exited(code=1), unhealthy={"main": "late"}).stop == {}


def test_a_container_with_a_new_image_is_restarted() -> None:
    manifest = pod(containers=[container(image="test.local/tester:2")])
    message = "Container main definition changed, will be restarted"
    assert decide(manifest, running()).stop == {"main": message}
    assert (
        decide({**manifest, "spec": {**manifest["spec"], "restartPolicy": "Never"}}, running()).stop
        == {}
    )


def test_containers_lost_with_the_node_begin_anew_with_their_init_containers() -> None:
    manifest = pod(initContainers=[container("one")])
    lost = [exited("one", lost=True), exited("main", 255, lost=True)]
    assert decide(manifest, *lost).start == ("one",)
    assert decide(manifest, exited("one", attempt=1), lost[1]).start == ("main",)


def test_a_pod_that_never_restarts_is_over_when_its_node_was_lost() -> None:
    manifest = pod(restartPolicy="Never", initContainers=[container("one")])
    assert decide(manifest, exited("one", lost=True)).finished
    assert decide(manifest, exited("one", lost=True), exited("main", 255, lost=True)).finished


def test_a_regular_container_may_have_a_policy_of_its_own() -> None:
    manifest = pod(
        restartPolicy="Never",
        containers=[container("a", restartPolicy="Always"), container("b")],
    )
    assert decide(manifest, exited("a", 1), exited("b")).start == ("a",)


def test_an_ephemeral_container_starts_beside_anything_and_never_again() -> None:
    manifest = pod(
        initContainers=[container("init")],
        ephemeralContainers=[container("look")],
        restartPolicy="Always",
    )
    assert decide(manifest, running("init")).start == ("look",)
    assert decide(manifest, running("init"), running("look")).start == ()
    assert decide(manifest, exited("init"), running(), exited("look", code=1)).start == ()


def test_an_ephemeral_container_does_not_keep_a_pod_from_ending() -> None:
    manifest = pod(ephemeralContainers=[container("look")], restartPolicy="Never")
    assert decide(manifest, exited(), running("look")).finished
