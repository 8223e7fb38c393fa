"""Pods through the subresources that are about a part of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.kubeapi.harness import Api

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
async def api() -> Api:
    api = await Api.start()
    account = {"metadata": {"name": "default"}}
    await api.must("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}
    spec = {"containers": [{"name": "c", "image": "i", "resources": resources}]}
    await api.must("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
    return api


async def patch(api: Api, part: str, body: dict[str, Any]) -> tuple[int, Any]:
    return await api.call("PATCH", f"{PODS}/p/{part}", body, content_type=STRATEGIC)


def debugger(**fields: Any) -> dict[str, Any]:
    return {"spec": {"ephemeralContainers": [{"name": "d", "image": "i", **fields}]}}


async def test_ephemeral_containers_come_and_stay(api: Api) -> None:
    assert (await patch(api, "ephemeralcontainers", debugger()))[0] == 200

    status, refusal = await patch(api, "ephemeralcontainers", debugger(image="other"))

    assert status == 422
    cause = refusal["details"]["causes"][0]
    assert cause["field"] == "spec.ephemeralContainers"
    assert 'Forbidden: existing ephemeral containers "d" may not be changed\n' in cause["message"]
    assert '+ "Image": "other"' in cause["message"]


async def test_nothing_else_changes_with_ephemeral_containers(api: Api) -> None:
    body = debugger()
    body["metadata"] = {"labels": {"a": "b"}}
    body["spec"]["terminationGracePeriodSeconds"] = 5

    status, changed = await patch(api, "ephemeralcontainers", body)

    assert status == 200
    assert "labels" not in changed["metadata"]
    assert changed["spec"]["terminationGracePeriodSeconds"] == 30


def resized(**resources: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": "new", "resources": resources}]}}


async def test_a_resize_changes_amounts_alone(api: Api) -> None:
    status, changed = await patch(api, "resize", resized(requests={"cpu": "150m"}))

    assert status == 200
    assert changed["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "150m"}
    assert changed["spec"]["containers"][0]["image"] == "i"


async def test_a_resize_keeps_the_class_of_quality(api: Api) -> None:
    await api.must("DELETE", f"{PODS}/p")
    spec = {"containers": [{"name": "c", "image": "i"}]}
    await api.must("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})

    status, refusal = await patch(api, "resize", resized(requests={"cpu": "1m"}))

    assert status == 422
    assert refusal["message"] == (
        'Pod "p" is invalid: spec: Invalid value: "BestEffort": Pod QOS Class may not change as a'
        " result of resizing"
    )


async def test_a_resize_is_about_cpu_and_memory(api: Api) -> None:
    status, refusal = await patch(api, "resize", resized(limits={"ephemeral-storage": "1Gi"}))

    assert status == 422
    assert "spec: Forbidden: only cpu and memory resources are mutable" in refusal["message"]


async def test_a_resize_may_not_add_containers(api: Api) -> None:
    body = {"spec": {"containers": [{"name": "other", "image": "i"}]}}

    status, refusal = await patch(api, "resize", body)

    assert status == 422
    assert "containers may not be added or removed on resize" in refusal["message"]


async def test_conditions_of_pods_have_names(api: Api) -> None:
    body = {"status": {"conditions": [{"type": "", "status": "True"}]}}

    status, refusal = await patch(api, "status", body)

    assert status == 422
    assert {cause["field"] for cause in refusal["details"]["causes"]} == {
        "status.conditions[0].Type"
    }
