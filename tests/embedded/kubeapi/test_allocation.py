"""Addresses and node ports of Services."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubeapi.app import KubeApiOptions
from tests.embedded.kubeapi.harness import Api

SERVICES = "/api/v1/namespaces/default/services"


@pytest.fixture
async def api() -> Api:
    options = KubeApiOptions(service_range="127.96.0.0/24", node_port_range=(30000, 30002))
    return await Api.start(options)


def service(name: str, **spec: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_each_service_gets_an_address_of_the_range(api: Api) -> None:
    found = [(await api.must("POST", SERVICES, service(f"s{n}")))["spec"] for n in range(20)]

    addresses = {spec["clusterIP"] for spec in found}
    assert len(addresses) == 20
    assert all(address.startswith("127.96.0.") for address in addresses)
    assert all(spec["clusterIPs"] == [spec["clusterIP"]] for spec in found)


async def test_a_headless_service_keeps_none(api: Api) -> None:
    created = await api.must("POST", SERVICES, service("s", clusterIP="None"))

    assert created["spec"]["clusterIP"] == "None"


async def test_an_address_is_given_once_and_free_again_after_deletion(api: Api) -> None:
    await api.must("POST", SERVICES, service("a", clusterIP="127.96.0.77"))
    status, body = await api.call("POST", SERVICES, service("b", clusterIP="127.96.0.77"))
    assert status == 422
    assert "provided IP is already allocated" in body["message"]

    await api.must("DELETE", f"{SERVICES}/a")
    await api.must("POST", SERVICES, service("b", clusterIP="127.96.0.77"))


async def test_an_address_outside_the_range_is_refused(api: Api) -> None:
    status, body = await api.call("POST", SERVICES, service("a", clusterIP="10.0.0.1"))

    assert status == 422
    assert "does not match the current range" in body["message"]


async def test_node_ports_are_unique_and_the_range_ends(api: Api) -> None:
    ports = set()
    for number in range(3):
        created = await api.must("POST", SERVICES, service(f"s{number}", type="NodePort"))
        ports.add(created["spec"]["ports"][0]["nodePort"])
    assert ports == {30000, 30001, 30002}

    assert (await api.call("POST", SERVICES, service("s4", type="NodePort")))[0] == 500


async def test_an_update_keeps_the_address(api: Api) -> None:
    created = await api.must("POST", SERVICES, service("a"))
    del created["spec"]["clusterIP"], created["spec"]["clusterIPs"]
    created["spec"]["ports"][0]["port"] = 81

    updated = await api.must("PUT", f"{SERVICES}/a", created)

    assert updated["spec"]["clusterIP"].startswith("127.96.0.")


async def test_a_dry_run_gives_nothing_away(api: Api) -> None:
    await api.must("POST", f"{SERVICES}?dryRun=All", service("a", clusterIP="127.96.0.9"))

    await api.must("POST", SERVICES, service("b", clusterIP="127.96.0.9"))
