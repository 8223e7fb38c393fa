"""Ports of this machine that Pods ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.network import hostports, kinds
from choreo_local.embedded.network.hostports import HostPorts
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint
from tests.embedded.network.livenetwork import LiveNetwork, live_network, until
from tests.embedded.network.test_datapaths import free_port
from tests.embedded.network.test_services import echo_server

NODE = ["127.0.0.1"]
_ACCOUNTS = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")


def pod(name: str, *ports: dict[str, Any], address: str = "10.0.0.1", made: int = 1) -> Any:
    return {
        "metadata": {
            "name": name,
            "namespace": "apps",
            "creationTimestamp": f"2026-01-01T00:00:0{made}Z",
        },
        "spec": {"containers": [{"name": "main", "image": "x", "ports": list(ports)}]},
        "status": {"phase": "Running", "podIP": address},
    }


def test_ports_of_running_pods_are_entrances() -> None:
    asked = {"containerPort": 80, "hostPort": 8080}
    plain = pod("plain", asked, {"containerPort": 81})
    waiting = pod("waiting", {"containerPort": 80, "hostPort": 8081})
    waiting["status"]["phase"] = "Pending"
    of_machine = pod("host", {"containerPort": 82, "hostPort": 82})
    of_machine["spec"]["hostNetwork"] = True
    assert hostports.entrances([plain, waiting, of_machine], NODE) == {
        Entrance("127.0.0.1", 8080, "TCP"): Endpoint("10.0.0.1", 80)
    }


def test_addresses_that_others_reach_are_not_opened() -> None:
    asked = [
        {"containerPort": 80, "hostPort": 1, "hostIP": "192.0.2.1"},
        {"containerPort": 80, "hostPort": 2, "hostIP": "0.0.0.0"},
        {"containerPort": 80, "hostPort": 3, "hostIP": "127.0.0.5", "protocol": "UDP"},
        {"containerPort": 80, "hostPort": 4, "protocol": "SCTP"},
    ]
    assert set(hostports.entrances([pod("a", *asked)], NODE)) == {
        Entrance("127.0.0.1", 2, "TCP"),
        Entrance("127.0.0.5", 3, "UDP"),
    }


def test_the_older_pod_keeps_its_port() -> None:
    asked = {"containerPort": 80, "hostPort": 8080}
    young, old = pod("a", asked, made=5), pod("b", asked, address="10.0.0.2", made=2)
    found = hostports.entrances([young, old], NODE)
    assert found[Entrance("127.0.0.1", 8080, "TCP")].address == "10.0.0.2"


def test_a_pod_is_not_led_to_itself() -> None:
    asked = {"containerPort": 8080, "hostPort": 8080}
    assert hostports.entrances([pod("a", asked, address="127.0.0.1")], NODE) == {}


@pytest.fixture
async def network() -> AsyncIterator[LiveNetwork]:
    async with live_network() as made:
        await made.create(_ACCOUNTS, {"metadata": {"name": "default", "namespace": "apps"}})
        yield made


async def test_connections_reach_the_pod_while_it_runs(network: LiveNetwork) -> None:
    ports = HostPorts(network.informers)
    ports.start()
    server, target = await echo_server(b"the pod")
    port = free_port()
    made = pod("web", {"containerPort": target, "hostPort": port}, address="127.0.0.1")
    status = made.pop("status")
    await network.create(kinds.PODS, made)
    patch = {"status": status}
    await network.kube.patch(kinds.PODS, "web", patch, "apps", subresource="status")

    async def told() -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return b""
        writer.write(b"x")
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    async def answers() -> bool:
        return await told() == b"hello from the pod\nx"

    await until(answers)
    await network.kube.delete(kinds.PODS, "web", "apps")

    async def closed() -> bool:
        return await told() == b""

    await until(closed)
    server.close()
    await ports.stop()
