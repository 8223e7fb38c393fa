"""Resource quotas, from the write that is counted to the one that is too much."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery import quantity
from choreo_local.embedded.kubeapi import podamounts, quotausage
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

CORE = "/api/v1/namespaces/default"
SCALERS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"


@pytest.fixture
async def api() -> Api:
    made = await Api.start()
    await made.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    return made


async def limit(api: Api, hard: dict[str, str], **spec: Any) -> None:
    """A quota whose usage has been measured: nothing yet."""
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}
    made = await api.must("POST", f"{CORE}/resourcequotas", quota)
    made["status"] = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    await api.must("PUT", f"{CORE}/resourcequotas/q/status", made)


async def used(api: Api) -> Any:
    return (await api.must("GET", f"{CORE}/resourcequotas/q"))["status"]["used"]


def pod(name: str = "p", *, priority: str = "", **amounts: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "resources": amounts}
    spec: dict[str, Any] = {"containers": [container]}
    if priority:
        spec["priorityClassName"] = priority
    return {"metadata": {"name": name}, "spec": spec}


async def test_what_is_let_in_is_counted_and_the_rest_is_refused(api: Api) -> None:
    await limit(api, {"configmaps": "1", "count/configmaps": "5"})

    await api.must("POST", CONFIG_MAPS, config_map("a"))
    status, refusal = await api.call("POST", CONFIG_MAPS, config_map("b"))

    assert status == 403
    assert refusal["message"] == (
        'configmaps "b" is forbidden: exceeded quota: q, requested: configmaps=1,'
        " used: configmaps=1, limited: configmaps=1"
    )
    assert await used(api) == {"configmaps": "1", "count/configmaps": "1"}


async def test_a_dry_run_takes_nothing(api: Api) -> None:
    await limit(api, {"configmaps": "1"})

    await api.must("POST", f"{CONFIG_MAPS}?dryRun=All", config_map())

    assert await used(api) == {"configmaps": "0"}


async def test_containers_must_say_what_a_quota_limits(api: Api) -> None:
    await limit(api, {"requests.cpu": "1", "limits.memory": "1Gi"})

    refusal = (await api.call("POST", f"{CORE}/pods", pod()))[1]

    assert refusal["message"] == (
        'pods "p" is forbidden: failed quota: q: must specify limits.memory for: c;'
        " requests.cpu for: c"
    )


async def test_amounts_of_pods_add_up(api: Api) -> None:
    await limit(api, {"requests.cpu": "1"})
    await api.must("POST", f"{CORE}/pods", pod("a", requests={"cpu": "600m"}))

    refusal = (await api.call("POST", f"{CORE}/pods", pod("b", requests={"cpu": "500m"})))[1]

    assert refusal["message"].endswith(
        "requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    )


async def test_a_quota_counts_only_what_is_in_its_scope(api: Api) -> None:
    await limit(api, {"pods": "0"}, scopes=["BestEffort"])

    assert (await api.call("POST", f"{CORE}/pods", pod()))[0] == 403
    assert (await api.call("POST", f"{CORE}/pods", pod(requests={"cpu": "1m"})))[0] == 201


async def test_a_count_that_nobody_keeps_is_taken_on_the_spot(api: Api) -> None:
    resource = "count/horizontalpodautoscalers.autoscaling"
    await limit(api, {resource: "1"})
    quota = await api.must("GET", f"{CORE}/resourcequotas/q")
    del quota["status"]["used"]
    await api.must("PUT", f"{CORE}/resourcequotas/q/status", quota)
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    scaler = {"spec": {"maxReplicas": 2, "scaleTargetRef": target}}

    await api.must("POST", SCALERS, {"metadata": {"name": "a"}, **scaler})

    assert (await api.call("POST", SCALERS, {"metadata": {"name": "b"}, **scaler}))[0] == 403


async def test_a_changed_service_takes_the_difference(api: Api) -> None:
    await limit(api, {"services.nodeports": "1", "services": "3"})
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "name": "a"}]}}
    made = await api.must("POST", f"{CORE}/services", service)

    made["spec"]["type"] = "NodePort"
    made = await api.must("PUT", f"{CORE}/services/s", made)
    made["spec"]["ports"].append({"port": 81, "name": "b"})
    refusal = (await api.call("PUT", f"{CORE}/services/s", made))[1]

    assert "requested: services.nodeports=1, used: services.nodeports=1" in refusal["message"]
    assert await used(api) == {"services.nodeports": "1", "services": "1"}


def amounts(spec: dict[str, Any], field: str = "requests") -> dict[str, str]:
    return {name: str(amount) for name, amount in podamounts.of_pod(spec, field).items()}


def container(cpu: str, **fields: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **fields}


def test_init_containers_count_where_they_ask_for_more_than_the_rest() -> None:
    regular = [container("100m"), container("200m")]

    assert amounts({"containers": regular}) == {"cpu": "300m"}
    assert amounts({"containers": regular, "initContainers": [container("1")]}) == {"cpu": "1"}


def test_a_sidecar_runs_beside_what_comes_after_it() -> None:
    sidecar = container("100m", restartPolicy="Always")
    spec = {"containers": [container("100m")], "initContainers": [sidecar, container("500m")]}

    assert amounts(spec) == {"cpu": "600m"}


def test_overhead_is_asked_for_too() -> None:
    spec = {"containers": [container("100m")], "overhead": {"cpu": "50m"}}

    assert podamounts.with_overhead(spec, "requests") == {"cpu": quantity.parse("150m")}
    assert podamounts.with_overhead(spec, "limits") == {}


@pytest.mark.parametrize(
    ("expression", "priority", "expected"),
    [
        ({"operator": "In", "values": ["high"]}, "high", True),
        ({"operator": "In", "values": ["high"]}, "low", False),
        ({"operator": "NotIn", "values": ["high"]}, "low", True),
        ({"operator": "Exists"}, "low", True),
        ({"operator": "Exists"}, "", False),
        ({"operator": "DoesNotExist"}, "", True),
    ],
)
def test_priorities_are_selected(
    expression: dict[str, Any], priority: str, *, expected: bool
) -> None:
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", **expression}]}

    found = quotausage.is_in_scope({"scopeSelector": selector}, "pods", pod(priority=priority))

    assert found is expected


def test_claims_are_counted_by_their_class() -> None:
    claim = {
        "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}},
    }

    found = {
        name: str(amount)
        for name, amount in quotausage.usage("persistentvolumeclaims", claim).items()
    }

    assert found == {
        "count/persistentvolumeclaims": "1",
        "persistentvolumeclaims": "1",
        "requests.storage": "1Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cpu", True),
        ("limits.memory", True),
        ("requests.example.com/gpu", True),
        ("hugepages-2Mi", True),
        ("requests.storage", False),
        ("configmaps", False),
        ("count/pods", True),
    ],
)
def test_a_pod_is_held_to_what_is_about_pods(name: str, *, expected: bool) -> None:
    assert quotausage.names_of("pods", [name]) == ([name] if expected else [])
