"""What a live Envoy refuses takes nothing else down, is told, and is served when it is mended."""

from __future__ import annotations

import base64
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from choreo_local import pki
from choreo_local.embedded.network import kinds, routes
from choreo_local.embedded.network.guards import Limits
from choreo_local.embedded.network.table import (
    HeaderChange,
    PathMatch,
    PathType,
    Route,
    RouteTable,
    VirtualHost,
)
from tests.embedded.network.gatewayobjects import (
    backend,
    endpoint_slice,
    gateway,
    gateway_class,
    listener,
    metadata,
    prefix,
    route,
    rule,
    service,
    world,
)
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.test_datapaths import HOST, Upstream
from tests.embedded.network.test_gateway import READY, World, running

AUTHORITY = pki.create_authority("test authority")


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as made:
        await made.install()
        for name in ("infra", "apps"):
            await made.kube.create(kinds.NAMESPACES, {"metadata": {"name": name}})
        for obj in (gateway_class(), gateway(), service()):
            await made.create(obj)
        yield made


def a_table(*paths: str) -> RouteTable:
    rules = [rule(prefix(path)) for path in paths]
    return routes.build(world(route(*rules, hostnames=(HOST,)))).table


def changed(table: RouteTable, path: str, change: Callable[[Route], Route]) -> RouteTable:
    """The table with another route for a path."""

    def hosts(found: tuple[VirtualHost, ...]) -> tuple[VirtualHost, ...]:
        return tuple(
            VirtualHost(
                host.hostname,
                tuple(
                    change(each) if each.match.path.value == path else each for each in host.routes
                ),
            )
            for host in found
        )

    return RouteTable(tuple(replace(port, hosts=hosts(port.hosts)) for port in table.ports))


def bad_header(found: Route) -> Route:
    return replace(found, request_headers=HeaderChange(set=(("Host", "x"),)))


def bad_limit(found: Route) -> Route:
    return replace(found, limits=Limits(connections=1 << 40))


def bad_match(found: Route) -> Route:
    match = replace(found.match, path=PathMatch(PathType.REGEX, "/("))
    return replace(found, match=match)


REFUSED: list[tuple[Callable[[Route], Route], int, str]] = [
    (bad_header, 500, "host headers may not be modified"),
    (bad_limit, 500, "max_connections"),
    (bad_match, 404, "missing )"),
]


@pytest.mark.parametrize(("change", "status", "words"), REFUSED)
async def test_other_routes_are_served_and_updated_beside_a_refused_one(
    live: LiveGateway, change: Callable[[Route], Route], status: int, words: str
) -> None:
    await live.serve(a_table("/old"))
    assert await live.status(path="/old") == 200

    await live.serve(changed(a_table("/old", "/bad", "/new"), "/bad", change))

    found = [await live.status(path=path) for path in ("/old", "/new", "/bad")]
    assert found == [200, 200, status]
    ((name, reason),) = live.path.refusals().routes.items()
    assert name == "HTTPRoute/apps/greeter/1/0"
    assert words in reason
    assert live.path.failure(19080) == ""

    await live.serve(changed(a_table("/old", "/bad", "/newer"), "/bad", change))
    assert [await live.status(path=path) for path in ("/newer", "/new")] == [200, 404]

    await live.serve(a_table("/old", "/bad"))
    assert await live.status(path="/bad") == 200
    assert live.path.refusals().routes == {}


async def test_several_refused_routes_are_found_among_many(live: LiveGateway) -> None:
    table = a_table(*(f"/r{number}" for number in range(30)))
    for path, change in (("/r3", bad_header), ("/r17", bad_match), ("/r29", bad_limit)):
        table = changed(table, path, change)

    await live.serve(table)

    found = {number: await live.status(path=f"/r{number}") for number in range(30)}
    assert {number: status for number, status in found.items() if status != 200} == {
        3: 500,
        17: 404,
        29: 500,
    }
    assert len(live.path.refusals().routes) == 3


async def test_an_envoy_that_is_restarted_serves_beside_what_it_refused(live: LiveGateway) -> None:
    await live.serve(changed(a_table("/good", "/bad"), "/bad", bad_header))
    pid = live.path.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    await live.serve(changed(a_table("/good", "/better", "/bad"), "/bad", bad_header))

    assert live.path.pid != pid
    assert [await live.status(path=path) for path in ("/better", "/bad")] == [200, 500]


def key_pair(name: str, host: str) -> dict[str, Any]:
    made = pki.issue_server(AUTHORITY, host, [host])
    data = {"tls.crt": made.certificate, "tls.key": made.key}
    return a_secret(name, data)


def a_secret(name: str, data: dict[str, bytes]) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"type": "kubernetes.io/tls", "metadata": metadata(name, "infra"), "data": encoded}


GARBLED = {
    "tls.crt": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "tls.key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}


async def test_a_refused_certificate_leaves_the_other_names_of_its_port(live: LiveGateway) -> None:
    hosts = ["good.example.localhost", "bad.example.localhost"]
    listeners = [
        listener(
            name,
            protocol="HTTPS",
            hostname=host,
            tls={"mode": "Terminate", "certificateRefs": [{"name": name}]},
        )
        for name, host in zip(("good", "bad"), hosts, strict=True)
    ]
    pairs = [key_pair("good", hosts[0]), a_secret("bad", GARBLED)]
    secrets = {("infra", each["metadata"]["name"]): each for each in pairs}
    built = routes.build(world(route(), gateways=[gateway(*listeners)], secrets=secrets))

    await live.serve(built.table)

    context = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
    url = f"https://127.0.0.1:{live.client.port}/"
    async with live.client.session.get(
        url, headers={"Host": hosts[0]}, ssl=context, server_hostname=hosts[0]
    ) as response:
        assert response.status == 200
    with pytest.raises(aiohttp.ClientError):
        await live.client.session.get(url, ssl=context, server_hostname=hosts[1])
    ((place, words),) = live.path.refusals().hosts.items()
    assert place == (19080, hosts[1])
    assert "certificate" in words


async def test_a_taken_port_is_told_and_served_when_it_is_free(live: LiveGateway) -> None:
    both = gateway(listener(), listener("more", 19081))
    table = routes.build(world(route(hostnames=(HOST,)), gateways=[both])).table
    with socket.create_server(("127.0.0.1", live.second)):
        await live.serve(table)

        assert await live.status() == 200
        assert live.path.failure(19080) == ""
        assert "Address already in use" in live.path.failure(19081)

    await live.serve(table)

    assert live.path.failure(19081) == ""
    async with live.client.session.get(
        f"http://127.0.0.1:{live.second}/", headers={"Host": HOST}
    ) as response:
        assert response.status == 200


async def test_a_gateway_whose_port_is_taken_says_so_until_it_is_free(tmp_path: Path) -> None:
    async with running(tmp_path) as cluster:
        await cluster.install()
        await cluster.kube.create(kinds.NAMESPACES, {"metadata": {"name": "infra"}})

        async def programmed() -> tuple[str, str]:
            found = await cluster.kube.get(kinds.GATEWAYS, "gateway-default", "infra")
            listed = (found.get("status") or {}).get("listeners") or [{"conditions": []}]
            told = {each["type"]: each for each in listed[0]["conditions"]}.get("Programmed") or {}
            return told.get("status", ""), told.get("message", "")

        async def is_told() -> bool:
            status, message = await programmed()
            return status == "False" and "Address already in use" in message

        async def is_served() -> bool:
            return (await programmed())[0] == "True"

        with socket.create_server(("127.0.0.1", cluster.client.port)):
            await cluster.create(gateway_class())
            await cluster.create(gateway())
            await cluster.until(is_told)
        await cluster.until(is_served)
        assert (await cluster.client.get("/"))[0] == 404


def host_header(value: str) -> dict[str, Any]:
    change = {"set": [{"name": "Host", "value": value}]}
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": change}


async def conditions(cluster: World, name: str) -> dict[str, tuple[str, str, str]]:
    found = await cluster.kube.get(kinds.HTTP_ROUTES, name, "apps")
    parents = (found.get("status") or {}).get("parents") or [{"conditions": []}]
    return {
        each["type"]: (each["status"], each["reason"], each["message"])
        for each in parents[0]["conditions"]
    }


async def test_a_refused_route_says_so_and_recovers(cluster: World) -> None:
    upstream = Upstream("one")
    await upstream.start()
    await cluster.create(endpoint_slice(("127.0.0.1", READY), port=upstream.port))
    await cluster.create(route(rule(prefix("/good")), hostnames=(HOST,), name="good"))
    await cluster.until_answered("/good", "one")

    bad = rule(prefix("/bad"), filters=[host_header("x")])
    await cluster.create(route(bad, hostnames=(HOST,), name="bad"))
    await cluster.create(route(rule(prefix("/fine")), bad, hostnames=(HOST,), name="partly"))

    async def are_told() -> bool:
        whole, part = await conditions(cluster, "bad"), await conditions(cluster, "partly")
        return whole.get("Accepted", ("",))[0] == "False" and "PartiallyInvalid" in part

    await cluster.until(are_told)
    status, reason, message = (await conditions(cluster, "bad"))["Accepted"]
    assert (status, reason) == ("False", "UnsupportedValue")
    assert "host headers may not be modified" in message
    partly = await conditions(cluster, "partly")
    assert partly["Accepted"][:2] == ("True", "Accepted")
    assert partly["PartiallyInvalid"][:2] == ("True", "UnsupportedValue")
    assert partly["PartiallyInvalid"][2].startswith("Dropped Rule")
    await cluster.until_answered("/fine", "one")
    await cluster.until_answered("/good", "one")

    async def events() -> list[str]:
        listed = await cluster.kube.list(kinds.EVENTS, "apps")
        return sorted(each["involvedObject"]["name"] for each in listed.items)

    async def are_recorded() -> bool:
        return await events() == ["bad", "partly"]

    await cluster.until(are_recorded)

    for name in ("bad", "partly"):
        mended = {"spec": {"rules": [{**rule(prefix(f"/{name}")), "backendRefs": [backend()]}]}}
        await cluster.kube.patch(kinds.HTTP_ROUTES, name, mended, "apps")

    await cluster.until_answered("/bad", "one")
    await cluster.until_answered("/partly", "one")

    async def is_mended() -> bool:
        whole, part = await conditions(cluster, "bad"), await conditions(cluster, "partly")
        return whole["Accepted"][0] == "True" and "PartiallyInvalid" not in part

    await cluster.until(is_mended)
    assert await events() == ["bad", "partly"]
    await upstream.stop()
