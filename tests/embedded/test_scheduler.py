"""Which node a pod gets, and why none."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded import scheduler


def node(name: str = "n1", **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"disk": "ssd", "zone": "a", "cores": "8"}},
        "spec": fields.pop("spec", {}),
        "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "8Gi"}},
        **fields,
    }


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "shop", **spec.pop("metadata", {})},
        "spec": {"containers": [{"name": "main"}], **spec},
    }


def taint(key: str = "gpu", value: str = "", effect: str = "NoSchedule") -> dict[str, Any]:
    return {"key": key, "value": value, "effect": effect}


def requiring(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def test_the_first_node_that_fits_is_taken() -> None:
    cordoned = node("n0", spec={"unschedulable": True})
    assert scheduler.choose(pod(), [cordoned, node("n1"), node("n2")]) == ("n1", "")


def test_without_nodes_there_is_nothing_to_choose() -> None:
    assert scheduler.choose(pod(), []) == ("", "no nodes available to schedule pods")


def test_reasons_are_counted() -> None:
    nodes = [
        node("a", spec={"unschedulable": True}),
        node("b", spec={"taints": [taint()]}),
        node("c", spec={"taints": [taint()]}),
    ]
    assert scheduler.choose(pod(), nodes) == (
        "",
        "0/3 nodes are available: 2 node(s) had untolerated taint(s) {gpu: }, "
        "1 node(s) were unschedulable.",
    )


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration: dict[str, Any], *, fits: bool) -> None:
    tainted = node(spec={"taints": [taint(value="yes")]})
    assert (scheduler.obstacle(pod(tolerations=[toleration]), tainted) == "") is fits


def test_a_preference_against_a_node_does_not_keep_pods_out() -> None:
    assert (
        scheduler.obstacle(pod(), node(spec={"taints": [taint(effect="PreferNoSchedule")]})) == ""
    )


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        ({"nodeSelector": {"none": ""}}, False),
        ({"affinity": requiring(expression("zone", "In", "a", "b"))}, True),
        ({"affinity": requiring(expression("zone", "NotIn", "a"))}, False),
        ({"affinity": requiring(expression("none", "DoesNotExist"))}, True),
        ({"affinity": requiring(expression("cores", "Gt", "4"))}, True),
        ({"affinity": requiring(expression("cores", "Lt", "4"))}, False),
        ({"affinity": requiring(expression("disk", "Gt", "4"))}, False),
        (
            {"affinity": requiring(expression("zone", "In", "b"), expression("disk", "Exists"))},
            True,
        ),
        ({"affinity": requiring({})}, False),
        (
            {
                "affinity": requiring(
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}
                )
            },
            False,
        ),
    ],
)
def test_selectors_and_affinity(spec: dict[str, Any], *, fits: bool) -> None:
    found = scheduler.obstacle(pod(**spec), node())
    assert found == ("" if fits else "node(s) didn't match Pod's node affinity/selector")


@pytest.mark.parametrize(
    ("requests", "obstacle"),
    [
        ({"cpu": "1500m", "memory": "1Gi"}, ""),
        ({"cpu": "3"}, "Insufficient cpu"),
        ({"memory": "5Gi"}, "Insufficient memory"),
        ({"ephemeral-storage": "9Gi"}, "Insufficient ephemeral-storage"),
    ],
)
def test_a_pod_must_fit_on_the_node_alone(requests: dict[str, str], obstacle: str) -> None:
    big = pod(containers=[{"name": "main", "resources": {"requests": requests}}])
    assert scheduler.obstacle(big, node()) == obstacle


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({}, True),
        ({"nodeName": "n1"}, False),
        ({"schedulerName": "mine"}, False),
        ({"schedulerName": "default-scheduler"}, True),
        ({"schedulingGates": [{"name": "g"}]}, False),
        ({"metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"}}, False),
    ],
)
def test_which_pods_are_looked_at(fields: dict[str, Any], *, waits: bool) -> None:
    assert scheduler.is_waiting(pod(**fields)) is waits
