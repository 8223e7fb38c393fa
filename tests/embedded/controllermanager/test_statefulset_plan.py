"""StatefulSets: order, identity, storage and updates, as one look decides them."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.controllerrevisions import revision_hash
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from choreo_local.embedded.controllermanager.statefulset_plan import Observed, plan, revision_of
from tests.embedded.controllermanager.builders import MOMENT, NOW, metadata, template


def stateful_set(replicas: int = 3, *, image: str = "nginx", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata("db"),
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            **spec,
        },
    }


class World:
    """Carries plans out on plain objects."""

    def __init__(self, owner: dict[str, Any]) -> None:
        self.owner = owner
        self.pods: dict[str, dict[str, Any]] = {}
        self.revisions: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []

    def look(self) -> Plan:
        made = plan(
            Observed(
                self.owner,
                list(self.pods.values()),
                list(self.revisions.values()),
                self.claims,
                NOW,
            )
        )
        for write in made.writes:
            self.messages += [note.message for note in write.notes]
            obj: dict[str, Any] = dict(write.obj)
            name = obj["metadata"]["name"]
            if write.kind is kinds.STATEFUL_SETS:
                self.owner = obj
                continue
            store = {
                kinds.PODS: self.pods,
                kinds.CONTROLLER_REVISIONS: self.revisions,
                kinds.PERSISTENT_VOLUME_CLAIMS: self.claims,
            }[write.kind]
            if write.verb is Verb.DELETE:
                del store[name]
                continue
            obj["metadata"] = {**metadata(name), **obj["metadata"]}
            if write.kind is kinds.PODS:
                obj["status"] = {"phase": "Pending"}
            store[name] = obj
        return made

    def make_ready(self, name: str) -> None:
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": MOMENT}
        self.pods[name]["status"] = {"phase": "Running", "conditions": [condition]}

    def settle(self) -> None:
        for _ in range(100):
            if not self.look().writes:
                waiting = [
                    n for n, each in self.pods.items() if each["status"] == {"phase": "Pending"}
                ]
                if not waiting:
                    return
                self.make_ready(waiting[0])
        raise AssertionError("did not settle")

    def change(self, **spec: Any) -> None:
        meta = self.owner["metadata"]
        self.owner = {
            **self.owner,
            "metadata": {**meta, "generation": meta["generation"] + 1},
            "spec": {**self.owner["spec"], **spec},
        }

    @property
    def images(self) -> dict[str, str]:
        return {
            name: str(each["spec"]["containers"][0]["image"])
            for name, each in sorted(self.pods.items())
        }


def test_pods_come_one_after_another_as_each_becomes_ready() -> None:
    world = World(stateful_set())
    world.look()
    world.look()
    assert list(world.pods) == ["db-0"]
    world.make_ready("db-0")
    world.look()
    assert list(world.pods) == ["db-0", "db-1"]
    world.settle()
    assert list(world.pods) == ["db-0", "db-1", "db-2"]
    assert world.messages[0] == "create Pod db-0 in StatefulSet db successful"


def test_pod_knows_its_name_ordinal_and_revision() -> None:
    world = World(stateful_set(1, ordinals={"start": 5}))
    world.settle()

    (pod,) = world.pods.values()
    (revision,) = world.revisions
    assert pod["metadata"]["labels"] == {
        "app": "web",
        "statefulset.kubernetes.io/pod-name": "db-5",
        "apps.kubernetes.io/pod-index": "5",
        "controller-revision-hash": revision,
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-5", "db")


def test_parallel_pods_come_and_go_together() -> None:
    world = World(stateful_set(podManagementPolicy="Parallel"))
    world.look()
    assert list(world.pods) == ["db-0", "db-1", "db-2"]
    world.change(replicas=1)
    world.look()
    assert list(world.pods) == ["db-0"]


def test_claims_are_made_once_and_outlive_their_pods() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    world = World(stateful_set(2, volumeClaimTemplates=[claim]))
    world.settle()

    assert sorted(world.claims) == ["data-db-0", "data-db-1"]
    assert world.claims["data-db-0"]["metadata"]["labels"] == {"app": "web"}
    assert world.pods["db-0"]["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    ]
    world.change(replicas=0)
    world.settle()
    assert (world.pods, len(world.claims)) == ({}, 2)


def test_scaling_down_takes_the_highest_first_and_waits() -> None:
    world = World(stateful_set())
    world.settle()
    world.change(replicas=1)
    world.look()
    assert sorted(world.pods) == ["db-0", "db-1"]
    world.settle()
    assert sorted(world.pods) == ["db-0"]


def test_update_replaces_pods_from_the_highest_one_at_a_time() -> None:
    world = World(stateful_set())
    world.settle()
    first = world.owner["status"]["currentRevision"]
    world.change(template=template("new"))
    world.look()
    assert sorted(world.pods) == ["db-0", "db-1"]
    assert world.owner["status"]["currentRevision"] == first
    assert world.owner["status"]["updateRevision"] != first
    world.look()
    assert world.images == {"db-0": "nginx", "db-1": "nginx", "db-2": "new"}
    world.look()
    assert len(world.pods) == 3
    world.settle()

    assert set(world.images.values()) == {"new"}
    status = world.owner["status"]
    assert status["currentRevision"] == status["updateRevision"] != first
    assert (status["currentReplicas"], status["updatedReplicas"]) == (3, 3)


def test_partition_holds_lower_ordinals_back() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    world = World(stateful_set(updateStrategy=strategy))
    world.settle()
    world.change(template=template("new"))
    world.settle()
    assert world.images == {"db-0": "nginx", "db-1": "nginx", "db-2": "new"}

    del world.pods["db-0"]
    world.settle()
    assert world.images["db-0"] == "nginx"


def test_pods_are_left_to_the_user_when_told_so() -> None:
    world = World(stateful_set(2, updateStrategy={"type": "OnDelete"}))
    world.settle()
    world.change(template=template("new"))
    world.settle()
    assert set(world.images.values()) == {"nginx"}
    del world.pods["db-0"]
    world.settle()
    assert world.images == {"db-0": "new", "db-1": "nginx"}


def test_rollback_renumbers_the_old_revision() -> None:
    world = World(stateful_set(1))
    world.settle()
    world.change(template=template("new"))
    world.settle()
    world.change(template=template("nginx"))
    world.settle()

    assert sorted(each["revision"] for each in world.revisions.values()) == [2, 3]
    latest = max(world.revisions.values(), key=lambda each: int(each["revision"]))
    assert revision_of(world.pods["db-0"]) == latest["metadata"]["name"]


def test_history_is_bounded() -> None:
    world = World(stateful_set(1, revisionHistoryLimit=1))
    for image in ("a", "b", "c", "d"):
        world.change(template=template(image))
        world.settle()
    assert len(world.revisions) == 2


def test_failed_pod_is_made_anew() -> None:
    world = World(stateful_set(1))
    world.settle()
    world.pods["db-0"]["status"] = {"phase": "Failed"}
    world.look()
    assert world.pods == {}
    world.settle()
    assert list(world.pods) == ["db-0"]


def test_revision_hash_is_of_the_bytes_that_go_writes() -> None:
    # FNV-1 of `{"a":"\u003cb\u003e"}0` in the alphabet of generated names.
    assert revision_hash({"a": "<b>"}, 0) == revision_hash({"a": "<b>"}, 0)
    assert revision_hash({"a": "<b>"}, 0) != revision_hash({"a": "<b>"}, 1)
