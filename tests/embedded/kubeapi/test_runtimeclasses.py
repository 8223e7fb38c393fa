"""Pods that name a RuntimeClass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.kubeapi.harness import Api

CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
PODS = "/api/v1/namespaces/default/pods"
TOLERATION = {"key": "small", "operator": "Exists"}


@pytest.fixture
async def api() -> Api:
    found = await Api.start()
    await found.must(
        "POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}}
    )
    runtime = {
        "metadata": {"name": "small"},
        "handler": "small",
        "overhead": {"podFixed": {"cpu": "250m"}},
        "scheduling": {"nodeSelector": {"size": "small"}, "tolerations": [TOLERATION]},
    }
    await found.must("POST", CLASSES, runtime)
    return found


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


async def test_a_class_completes_its_pods(api: Api) -> None:
    spec = (await api.must("POST", PODS, pod(runtimeClassName="small")))["spec"]

    assert spec["overhead"] == {"cpu": "250m"}
    assert spec["nodeSelector"] == {"size": "small"}
    assert TOLERATION in spec["tolerations"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found'),
        (
            {"overhead": {"cpu": "1"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            {"runtimeClassName": "small", "overhead": {"cpu": "1"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"runtimeClassName": "small", "nodeSelector": {"size": "big"}},
            "conflict: runtimeClass.scheduling.nodeSelector[size] = small;"
            " pod.spec.nodeSelector[size] = big",
        ),
    ],
)
async def test_pods_that_contradict_their_class_are_refused(
    api: Api, spec: dict[str, Any], why: str
) -> None:
    status, answer = await api.call("POST", PODS, pod(**spec))

    assert status == 403
    assert answer["message"] == f'pods "p" is forbidden: {why}'


async def test_the_same_amount_in_other_words_is_no_contradiction(api: Api) -> None:
    spec = pod(runtimeClassName="small", overhead={"cpu": "0.25"})

    assert (await api.must("POST", PODS, spec))["spec"]["overhead"] == {"cpu": "250m"}
