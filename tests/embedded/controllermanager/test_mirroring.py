"""Endpoints that somebody else keeps get EndpointSlices."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager import kinds, mirroring_plan
from choreo_local.embedded.controllermanager.plans import Verb
from tests.embedded.controllermanager.builders import metadata
from tests.embedded.controllermanager.livecluster import live_cluster

SERVICE: dict[str, Any] = {"metadata": metadata("db"), "spec": {"ports": [{"port": 5432}]}}
ADDRESSES = [{"ip": "10.1.0.1", "hostname": "one"}, {"ip": "fd00::1"}]


def endpoints(**more: Any) -> dict[str, Any]:
    subsets = [
        {
            "addresses": ADDRESSES,
            "notReadyAddresses": [{"ip": "10.1.0.2"}],
            "ports": [{"port": 5432, "protocol": "TCP"}],
        }
    ]
    return {"metadata": metadata("db", **more), "subsets": subsets}


def test_each_family_of_addresses_has_a_slice() -> None:
    plan = mirroring_plan.plan(endpoints(labels={"a": "b"}), SERVICE, [])

    four, six = (write.obj for write in plan.writes)
    assert (four["addressType"], six["addressType"]) == ("IPv4", "IPv6")
    assert four["ports"] == [{"name": "", "port": 5432, "protocol": "TCP"}]
    assert four["endpoints"] == [
        {"addresses": ["10.1.0.1"], "conditions": {"ready": True}, "hostname": "one"},
        {"addresses": ["10.1.0.2"], "conditions": {"ready": False}},
    ]
    assert four["metadata"]["labels"] == {
        "a": "b",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert four["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"


def test_what_is_mirrored_already_stays() -> None:
    made = mirroring_plan.plan(endpoints(), SERVICE, [])
    slices: list[dict[str, Any]] = []
    for number, write in enumerate(made.writes):
        slices.append({**write.obj, "metadata": {**write.obj["metadata"], "name": f"s{number}"}})

    assert mirroring_plan.plan(endpoints(), SERVICE, slices).writes == ()
    changed = mirroring_plan.plan({**endpoints(), "subsets": []}, SERVICE, slices)
    assert [write.verb for write in changed.writes] == [Verb.DELETE, Verb.DELETE]


def test_services_that_select_pods_and_marked_endpoints_have_none() -> None:
    selecting = {**SERVICE, "spec": {"selector": {"app": "db"}}}
    skipped = endpoints(labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    leading = endpoints(annotations={"control-plane.alpha.kubernetes.io/leader": "{}"})

    assert not mirroring_plan.is_mirrored(endpoints(), selecting)
    assert not mirroring_plan.is_mirrored(skipped, SERVICE)
    assert not mirroring_plan.is_mirrored(leading, SERVICE)
    assert not mirroring_plan.is_mirrored(endpoints(), None)


async def test_slices_follow_their_endpoints() -> None:
    async with live_cluster() as cluster:
        await cluster.create(kinds.SERVICES, {"metadata": {"name": "db"}, "spec": SERVICE["spec"]})
        ports = [{"port": 5432}]
        subsets = [{"addresses": [{"ip": "10.1.0.1"}], "ports": ports}]
        made = {"metadata": {"name": "db"}, "subsets": subsets}
        created = await cluster.create(kinds.ENDPOINTS, made)

        (slice_,) = await cluster.until(kinds.ENDPOINT_SLICES, len)
        assert slice_["metadata"]["generateName"] == "db-"
        subsets[0]["addresses"] = [{"ip": "10.1.0.9"}]
        await cluster.client.update(kinds.ENDPOINTS, {**created, "subsets": subsets})
        await cluster.until(
            kinds.ENDPOINT_SLICES,
            lambda found: [each["endpoints"][0]["addresses"] for each in found] == [["10.1.0.9"]],
        )
        await cluster.client.delete(kinds.SERVICES, "db", "default")

        await cluster.until(kinds.ENDPOINT_SLICES, lambda found: not found)
