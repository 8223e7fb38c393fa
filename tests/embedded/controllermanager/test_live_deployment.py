"""Deployments down to Pods and endpoints, against the kube API."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager import kinds, rollout
from choreo_local.embedded.controllermanager.conditions import find
from tests.embedded.controllermanager.builders import template
from tests.embedded.controllermanager.livecluster import LiveCluster, assigned, live_cluster


def deployment(replicas: int, image: str = "nginx", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": assigned(template(image)),
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def service() -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "labels": {"team": "a"}},
        "spec": {
            "clusterIP": "10.96.0.10",
            "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }


async def change_image(cluster: LiveCluster, image: str) -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await cluster.client.patch(kinds.DEPLOYMENTS, "web", change, "default")


def is_rolled_out(obj: dict[str, Any]) -> bool:
    status = obj.get("status") or {}
    found = find(status.get("conditions"), "Progressing")
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    return (
        status.get("observedGeneration") == obj["metadata"]["generation"]
        and {status.get(field) for field in counts} == {obj["spec"]["replicas"]}
        and found is not None
        and found["reason"] == "NewReplicaSetAvailable"
    )


async def test_deployment_becomes_ready_pods_behind_a_service() -> None:
    async with live_cluster(ready_node=True) as cluster:
        await cluster.create(kinds.SERVICES, service())
        await cluster.create(kinds.DEPLOYMENTS, deployment(2))
        done = await cluster.until_one(kinds.DEPLOYMENTS, "web", is_rolled_out)
        (slice_,) = await cluster.until(
            kinds.ENDPOINT_SLICES,
            lambda found: len((found or [{}])[0].get("endpoints") or ()) == 2,
        )

        assert done["metadata"]["annotations"][rollout.REVISION] == "1"
        assert done["metadata"]["generation"] == 1
        assert slice_["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
        assert all(each["conditions"]["ready"] for each in slice_["endpoints"])
        assert slice_["metadata"]["labels"] == {
            "team": "a",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        (endpoints,) = await cluster.until(
            kinds.ENDPOINTS, lambda found: found and found[0].get("subsets")
        )
        assert len(endpoints["subsets"][0]["addresses"]) == 2


async def test_new_image_rolls_out_and_the_old_replica_set_stays_for_history() -> None:
    async with live_cluster(ready_node=True) as cluster:
        await cluster.create(kinds.DEPLOYMENTS, deployment(3))
        await cluster.until_one(kinds.DEPLOYMENTS, "web", is_rolled_out)
        await change_image(cluster, "nginx:2")
        await cluster.until_one(kinds.DEPLOYMENTS, "web", is_rolled_out)
        pods = await cluster.until(kinds.PODS, lambda found: len(found) == 3)

        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"nginx:2"}
        sets = await cluster.items(kinds.REPLICA_SETS)
        assert sorted(each["spec"]["replicas"] for each in sets) == [0, 3]


async def test_deleted_pod_is_replaced() -> None:
    async with live_cluster(ready_node=True) as cluster:
        await cluster.create(kinds.DEPLOYMENTS, deployment(1))
        (old,) = await cluster.until(kinds.PODS, lambda found: len(found) == 1)
        await cluster.client.delete(kinds.PODS, old["metadata"]["name"], "default")

        (new,) = await cluster.until(
            kinds.PODS,
            lambda found: len(found) == 1 and found[0]["metadata"]["uid"] != old["metadata"]["uid"],
        )
        assert new["metadata"]["ownerReferences"] == old["metadata"]["ownerReferences"]


async def test_orphan_that_fits_is_adopted_and_counted() -> None:
    async with live_cluster() as cluster:
        spec = template()["spec"]
        orphan = {"metadata": {"name": "orphan", "labels": {"app": "web"}}, "spec": spec}
        await cluster.create(kinds.PODS, orphan)
        owner = {
            "metadata": {"name": "set"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "web"}},
                "template": template(),
            },
        }
        await cluster.create(kinds.REPLICA_SETS, owner)
        done = await cluster.until_one(
            kinds.REPLICA_SETS, "set", lambda obj: (obj.get("status") or {}).get("replicas") == 1
        )
        (pod,) = await cluster.items(kinds.PODS)

        assert pod["metadata"]["name"] == "orphan"
        assert pod["metadata"]["ownerReferences"][0]["uid"] == done["metadata"]["uid"]
        await cluster.client.patch(
            kinds.PODS, "orphan", {"metadata": {"labels": {"app": "other"}}}, "default"
        )
        pods = await cluster.until(kinds.PODS, lambda found: len(found) == 2)
        released = [each for each in pods if each["metadata"]["name"] == "orphan"]
        assert "ownerReferences" not in released[0]["metadata"]


async def test_events_tell_what_happened() -> None:
    async with live_cluster() as cluster:
        await cluster.create(kinds.DEPLOYMENTS, deployment(1))
        events = await cluster.until(kinds.EVENTS, lambda found: len(found) >= 2)

        told = {(each["reason"], each["source"]["component"]) for each in events}
        assert told == {
            ("ScalingReplicaSet", "deployment-controller"),
            ("SuccessfulCreate", "replicaset-controller"),
        }
