"""Pods are bound through the kube API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded import scheduler
from choreo_local.embedded.scheduler import Scheduler
from choreo_local.kubeclient.interfaces import PatchType
from tests.embedded.kubelet.livenode import LiveNode, live_node


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with live_node(tmp_path) as found:
        binder = Scheduler(found.client)
        binder.start()
        yield found
        await binder.stop()
        assert binder.failures == {}


async def add_node(cluster: LiveNode, name: str = "n1", **labels: str) -> None:
    await cluster.create(scheduler.NODES, name, metadata={"labels": labels})
    # What the node life cycle does once a node is ready.
    change = {"spec": {"taints": None}}
    await cluster.client.patch(scheduler.NODES, name, change, patch_type=PatchType.MERGE)


async def add_pod(cluster: LiveNode, name: str = "p", **spec: Any) -> None:
    containers = [{"name": "main", "image": "test.local/tester:1"}]
    await cluster.pod(name, **{"nodeName": None, "containers": containers, **spec})


def bound_to(node: str) -> Any:
    return lambda pod: pod["spec"].get("nodeName") == node


def refusal(pod: dict[str, Any]) -> str:
    for found in pod["status"].get("conditions") or ():
        if found["type"] == "PodScheduled" and found["status"] == "False":
            return f"{found['reason']}: {found['message']}"
    return ""


async def test_a_pod_is_bound_to_the_node(cluster: LiveNode) -> None:
    await add_node(cluster)
    await add_pod(cluster)
    await cluster.until(bound_to("n1"))
    assert await cluster.until_event("Scheduled") == "Successfully assigned default/p to n1"


async def test_a_pod_waits_for_a_node(cluster: LiveNode) -> None:
    await add_pod(cluster)
    pod = await cluster.until(refusal)
    assert refusal(pod) == "Unschedulable: no nodes available to schedule pods"
    await add_node(cluster)
    await cluster.until(bound_to("n1"))


async def test_a_pod_waits_for_a_label(cluster: LiveNode) -> None:
    await add_node(cluster)
    await add_pod(cluster, nodeSelector={"disk": "ssd"})
    pod = await cluster.until(refusal)
    assert refusal(pod) == (
        "Unschedulable: 0/1 nodes are available: "
        "1 node(s) didn't match Pod's node affinity/selector."
    )
    assert await cluster.until_event("FailedScheduling") in refusal(pod)
    change = {"metadata": {"labels": {"disk": "ssd"}}}
    await cluster.client.patch(scheduler.NODES, "n1", change)
    await cluster.until(bound_to("n1"))


async def test_pods_of_another_scheduler_are_left_alone(cluster: LiveNode) -> None:
    await add_node(cluster)
    await add_pod(cluster, "other", schedulerName="mine")
    await add_pod(cluster)
    await cluster.until(bound_to("n1"))
    assert not (await cluster.client.get(scheduler.PODS, "other", "default"))["spec"].get(
        "nodeName"
    )


async def test_many_pods_are_bound(cluster: LiveNode) -> None:
    await add_node(cluster)
    await asyncio.gather(*(add_pod(cluster, f"p{number}") for number in range(50)))
    for number in range(50):
        await cluster.until(bound_to("n1"), f"p{number}")
