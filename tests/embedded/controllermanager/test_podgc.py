"""Which Pods are nobody's, or one too many."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local import clock
from choreo_local.embedded.controllermanager import kinds, podgc
from choreo_local.embedded.controllermanager.events import EventRecorder
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.podgc import PodGarbageLoop
from choreo_local.tasks import TaskGroup
from tests.embedded.controllermanager.builders import pod
from tests.embedded.controllermanager.livecluster import NODE, live_cluster


def collected(*found: dict[str, Any], **more: Any) -> list[str]:
    arguments: dict[str, Any] = {"lost": (), **more}
    nodes = arguments.pop("nodes", {"here": {"spec": {}}})
    return [each["metadata"]["name"] for each, _ in podgc.garbage(found, nodes, **arguments)]


def on_node(name: str, node: str, **more: Any) -> dict[str, Any]:
    made = pod(name, **more)
    made["spec"]["nodeName"] = node
    return made


def test_the_oldest_finished_pods_go_when_there_are_too_many_evicted_ones_first() -> None:
    old, young, evicted = (
        on_node(name, "here", phase="Failed") for name in ("old", "young", "evicted")
    )
    young["metadata"]["creationTimestamp"] = "2030-01-02T00:00:00Z"
    evicted["metadata"]["creationTimestamp"] = "2030-01-03T00:00:00Z"
    evicted["status"]["reason"] = "Evicted"
    running = on_node("running", "here")

    assert collected(old, young, evicted, running, most_finished=3) == []
    assert collected(old, young, evicted, running, most_finished=1) == ["evicted", "old"]


def test_pods_under_deletion_go_when_no_kubelet_ends_them() -> None:
    unscheduled, ending = pod("unscheduled"), on_node("ending", "here")
    for each in (unscheduled, ending):
        each["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    unscheduled["spec"].pop("nodeName", None)
    taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}

    assert collected(unscheduled, ending) == ["unscheduled"]
    nodes = {"here": {"spec": {"taints": [taint]}}}
    assert collected(unscheduled, ending, nodes=nodes) == ["unscheduled", "ending"]


async def test_pods_of_a_node_that_stays_away_are_failed_and_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_cluster() as cluster:
        for name, node in (("kept", NODE), ("lost", "gone")):
            spec = {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}
            made = {"metadata": {"name": name, "finalizers": ["a.test/hold"]}, "spec": spec}
            await cluster.create(kinds.PODS, made)
        tasks = TaskGroup("collector")
        informers = SharedInformers(cluster.client, tasks)
        objects = Objects(cluster.client, informers, EventRecorder(cluster.client, "collector"))
        loop = PodGarbageLoop(informers, objects)
        await informers.of(kinds.PODS).synced.wait()
        await informers.of(kinds.NODES).synced.wait()

        await loop.collect()
        assert {each["metadata"].get("deletionTimestamp") for each in await pods(cluster)} == {None}
        start = clock.now()
        monkeypatch.setattr(clock, "now", lambda: start + podgc._QUARANTINE)
        await loop.collect()

        kept, lost = await pods(cluster)
        await tasks.stop()
        assert "deletionTimestamp" not in kept["metadata"]
        assert "deletionTimestamp" in lost["metadata"]
        assert lost["status"]["phase"] == "Failed"
        (condition,) = lost["status"]["conditions"]
        assert condition["reason"] == "DeletionByPodGC"
        assert condition["message"] == "PodGC: node no longer exists"


async def pods(cluster: Any) -> list[dict[str, Any]]:
    found = await cluster.items(kinds.PODS, "default")
    return sorted(found, key=lambda each: str(each["metadata"]["name"]))
