"""Deployments: what one look decides, and where many looks lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.embedded.controllermanager import rollout
from choreo_local.embedded.controllermanager.conditions import find
from choreo_local.embedded.controllermanager.deployment_plan import Observed, plan
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from tests.embedded.controllermanager.builders import NOW, deployment, metadata, pod, template


class World:
    """Carries plans out on plain objects; Pods become available when told."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.deployment = obj
        self.sets: dict[str, dict[str, Any]] = {}
        self.now = NOW
        self.messages: list[str] = []
        self._created = 0

    def look(self) -> Plan:
        made = plan(Observed(self.deployment, list(self.sets.values()), {}, self.now))
        for write in made.writes:
            self.messages += [note.message for note in write.notes]
            obj = dict(write.obj)
            name = obj["metadata"]["name"]
            if write.verb is Verb.DELETE:
                del self.sets[name]
            elif write.verb is Verb.UPDATE_STATUS:
                self.deployment = obj
            elif write.verb is Verb.CREATE:
                assert name not in self.sets
                self._created += 1
                moment = f"2030-01-01T00:00:{self._created:02}Z"
                obj["metadata"] = {**metadata(name), **obj["metadata"], "creationTimestamp": moment}
                self.sets[name] = {**obj, "status": {"replicas": 0}}
            else:
                self.sets[name] = obj
        self._report()
        return made

    def _report(self) -> None:
        for each in self.sets.values():
            status = dict(each.get("status") or {})
            size = rollout.replicas(each)
            status["replicas"] = size
            for field in ("availableReplicas", "readyReplicas"):
                status[field] = min(status.get(field, 0), size)
            each["status"] = {**status, "observedGeneration": 1}

    def make_available(self, name: str, count: int = 1) -> None:
        each = self.sets[name]
        ready = min(rollout.replicas(each), each["status"].get("availableReplicas", 0) + count)
        each["status"] |= {"availableReplicas": ready, "readyReplicas": ready}

    def settle(self) -> None:
        for _ in range(200):
            if not self.look().writes:
                waiting = [
                    name
                    for name, each in self.sets.items()
                    if each["status"].get("availableReplicas", 0) < rollout.replicas(each)
                ]
                if not waiting:
                    return
                self.make_available(waiting[0])
        raise AssertionError("did not settle")

    def change(self, **spec: Any) -> None:
        old = self.deployment
        self.deployment = {
            **old,
            "metadata": {**old["metadata"], "generation": old["metadata"]["generation"] + 1},
            "spec": {**old["spec"], **spec},
        }

    @property
    def sizes(self) -> dict[str, int]:
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"]: rollout.replicas(each)
            for each in self.sets.values()
        }

    def condition(self, type_: str) -> dict[str, Any]:
        found = find(self.deployment["status"]["conditions"], type_)
        assert found is not None
        return dict(found)


def test_first_look_creates_a_full_replica_set_and_says_so() -> None:
    world = World(deployment(2))

    world.look()

    (made,) = world.sets.values()
    hash_ = made["metadata"]["labels"]["pod-template-hash"]
    assert made["metadata"]["name"] == f"web-{hash_}"
    assert made["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
        "deployment.kubernetes.io/revision": "1",
    }
    assert made["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": hash_}}
    assert made["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] == hash_
    assert world.messages == [f"Scaled up replica set web-{hash_} from 0 to 2"]
    assert world.deployment["metadata"]["annotations"][rollout.REVISION] == "1"


def test_conditions_stand_in_the_order_of_the_real_controller() -> None:
    world = World(deployment(2))
    world.look()
    world.look()

    conditions = world.deployment["status"]["conditions"]

    assert [(each["type"], each["status"], each["reason"]) for each in conditions] == [
        ("Available", "False", "MinimumReplicasUnavailable"),
        ("Progressing", "True", "ReplicaSetUpdated"),
    ]
    (name,) = world.sets
    assert conditions[1]["message"] == f'ReplicaSet "{name}" is progressing.'


def test_settled_deployment_is_complete_and_asks_for_nothing() -> None:
    world = World(deployment(2))

    world.settle()

    assert world.condition("Available")["reason"] == "MinimumReplicasAvailable"
    assert world.condition("Progressing")["reason"] == "NewReplicaSetAvailable"
    assert world.look() == Plan()


def test_rollback_reuses_the_old_replica_set_under_a_new_revision() -> None:
    world = World(deployment(1))
    world.settle()
    world.change(template=template("nginx:2"))
    world.settle()
    world.change(template=template("nginx"))
    world.settle()

    first = min(world.sets.values(), key=lambda each: str(each["metadata"]["creationTimestamp"]))

    assert world.sizes == {"nginx": 1, "nginx:2": 0}
    assert first["metadata"]["annotations"][rollout.REVISION] == "3"
    assert first["metadata"]["annotations"][rollout.REVISION_HISTORY] == "1"
    assert world.deployment["metadata"]["annotations"][rollout.REVISION] == "3"


def test_history_keeps_as_many_old_replica_sets_as_asked() -> None:
    world = World(deployment(1, revisionHistoryLimit=1))
    for image in ("a", "b", "c", "d"):
        world.change(template=template(image))
        world.settle()

    assert world.sizes == {"c": 0, "d": 1}


def test_paused_deployment_scales_but_does_not_roll() -> None:
    world = World(deployment(2))
    world.settle()
    world.change(paused=True, replicas=3, template=template("nginx:2"))
    world.settle()

    assert world.sizes == {"nginx": 3}
    assert world.condition("Progressing")["reason"] == "DeploymentPaused"
    assert world.condition("Progressing")["message"] == "Deployment is paused"


def test_deadline_that_passes_without_progress_is_told_once() -> None:
    world = World(deployment(1, progressDeadlineSeconds=60))
    world.look()
    world.look()
    wait = world.look().look_again
    assert wait is not None
    assert 60 <= wait <= 61

    world.now = NOW + timedelta(seconds=wait)
    world.look()

    (name,) = world.sets
    timed_out = world.condition("Progressing")
    assert (timed_out["status"], timed_out["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert timed_out["message"] == f'ReplicaSet "{name}" has timed out progressing.'
    assert world.look() == Plan()


def test_recreate_waits_until_the_last_old_pod_is_gone() -> None:
    world = World(deployment(1, strategy={"type": "Recreate"}))
    world.settle()
    (old,) = world.sets.values()
    world.change(template=template("nginx:2"))
    world.look()
    assert world.sizes == {"nginx": 0}

    running = {old["metadata"]["uid"]: [pod("web-1", owner=old)]}
    waiting = plan(Observed(world.deployment, list(world.sets.values()), running, NOW))
    assert all(write.verb is not Verb.CREATE for write in waiting.writes)

    world.settle()
    assert world.sizes == {"nginx": 0, "nginx:2": 1}


def test_scaling_in_the_middle_of_a_rollout_is_spread_in_proportion() -> None:
    world = World(
        deployment(
            10,
            strategy={
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2},
            },
        )
    )
    world.settle()
    world.change(template=template("nginx:2"))
    world.look()
    world.look()
    assert world.sizes == {"nginx": 8, "nginx:2": 5}

    world.change(replicas=15)
    world.look()

    assert world.sizes == {"nginx": 11, "nginx:2": 7}


@settings(max_examples=60, deadline=None)
@given(
    replicas=st.integers(1, 12),
    surge=st.one_of(st.integers(0, 5), st.sampled_from(["0%", "25%", "100%"])),
    unavailable=st.one_of(st.integers(0, 5), st.sampled_from(["0%", "25%", "100%"])),
)
def test_rollout_keeps_within_its_bounds_and_ends(
    replicas: int, surge: int | str, unavailable: int | str
) -> None:
    strategy = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }
    world = World(deployment(replicas, strategy=strategy))
    world.settle()
    world.change(template=template("nginx:2"))
    bounds = rollout.bounds(world.deployment)
    for _ in range(200):
        writes = world.look().writes
        sets = list(world.sets.values())
        assert rollout.wanted(sets) <= replicas + bounds.surge
        assert rollout.counted(sets, "availableReplicas") >= replicas - bounds.unavailable
        if not writes:
            new = [name for name, each in world.sets.items() if rollout.replicas(each)]
            for name in new:
                world.make_available(name)
            if world.sizes == {"nginx": 0, "nginx:2": replicas} and not world.look().writes:
                break
    else:
        pytest.fail("did not end")
    assert world.condition("Progressing")["reason"] == "NewReplicaSetAvailable"
