"""Metrics of scalers in two forms, there and back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from choreo_local.embedded.kubeapi import scalermetrics
from tests.embedded.kubeapi.harness import Api

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "type": "Resource",
            "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1"}},
        },
        {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1"}},
    ),
    (
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": "cpu",
                "container": "c",
                "target": {"type": "Utilization", "averageUtilization": 5},
            },
        },
        {
            "type": "ContainerResource",
            "containerResource": {"name": "cpu", "targetAverageUtilization": 5, "container": "c"},
        },
    ),
    (
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "m", "selector": {}},
                "target": {"type": "AverageValue", "averageValue": "3"},
            },
        },
        {"type": "Pods", "pods": {"metricName": "m", "targetAverageValue": "3", "selector": {}}},
    ),
    (
        {
            "type": "Object",
            "object": {
                "describedObject": WEB,
                "metric": {"name": "m"},
                "target": {"type": "Value", "value": "7"},
            },
        },
        {"type": "Object", "object": {"target": WEB, "metricName": "m", "targetValue": "7"}},
    ),
    (
        {
            "type": "External",
            "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "7"}},
        },
        {"type": "External", "external": {"metricName": "m", "targetValue": "7"}},
    ),
]


@pytest.mark.parametrize(("newer", "older"), FORMS, ids=[new["type"] for new, _ in FORMS])
def test_every_source_has_both_forms(newer: dict[str, Any], older: dict[str, Any]) -> None:
    assert scalermetrics.to_v1(newer, current=False) == older
    assert scalermetrics.to_v2(older, current=False) == newer


def test_what_metrics_read_now_has_both_forms() -> None:
    newer = {"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "2"}}}
    older = {"type": "Resource", "resource": {"name": "memory", "currentAverageValue": "2"}}

    assert scalermetrics.to_v1(newer, current=True) == older
    assert scalermetrics.to_v2(older, current=True) == newer


async def test_annotations_of_the_first_version_tell_the_other_metrics() -> None:
    api = await Api.start()
    metrics = [newer for newer, _ in FORMS]
    spec = {"maxReplicas": 3, "scaleTargetRef": WEB, "metrics": metrics}
    await api.must("POST", V2, {"metadata": {"name": "a"}, "spec": spec})

    first = await api.must("GET", f"{V1}/a")
    annotation = first["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    assert [one["type"] for one in orjson.loads(annotation)] == [one["type"] for one in metrics]

    await api.must("PUT", f"{V1}/a", first)
    assert (await api.must("GET", f"{V2}/a"))["spec"]["metrics"] == metrics


async def test_an_annotation_that_says_nothing_is_dropped() -> None:
    api = await Api.start()
    annotations = {"autoscaling.alpha.kubernetes.io/metrics": "nonsense"}
    spec = {"maxReplicas": 3, "scaleTargetRef": WEB}

    body = {"metadata": {"name": "a", "annotations": annotations}, "spec": spec}
    status, _ = await api.call("POST", V1, body)

    assert status == 201
    assert "annotations" not in (await api.must("GET", f"{V2}/a"))["metadata"]
