"""Envoy is kept running, says so while it does not run, and ends without cutting requests off."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from choreo_local.embedded.network import kinds, routes
from choreo_local.embedded.network.absence import Absence
from choreo_local.embedded.network.envoy import find_envoy
from choreo_local.embedded.network.table import RouteTable
from tests.embedded.network.gatewayobjects import gateway, gateway_class, route, world
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.livenetwork import until
from tests.embedded.network.test_datapaths import HOST
from tests.embedded.network.test_gateway import World, running


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


def a_table() -> RouteTable:
    return routes.build(world(route(hostnames=(HOST,)))).table


async def test_a_killed_envoy_is_back_with_everything_it_served(live: LiveGateway) -> None:
    await live.serve(a_table())
    for _ in range(2):
        before = live.path.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)

        async def is_back(killed: int = before) -> bool:
            try:
                return live.path.pid != killed and await live.status() == 200
            except aiohttp.ClientError:
                return False

        assert await until(is_back)
    assert live.path.failure(19080) == ""


async def test_a_request_that_is_under_way_is_answered_before_the_end(live: LiveGateway) -> None:
    await live.serve(a_table())
    slow = asyncio.create_task(live.client.get("/slow"))

    async def is_asked() -> bool:
        return bool(await live.path._admin.active_requests())

    await until(is_asked)
    await live.path.stop()

    assert (await slow)[0] == 200
    with pytest.raises(aiohttp.ClientError):
        await live.client.get("/")


class Program:
    """Envoy, as long as it is not broken; counts how often it is started."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "envoy-for-test"
        self._starts = folder / "starts"
        self._broken = folder / "broken"
        real = find_envoy()
        if real is None:
            pytest.skip("no Envoy for this platform")
        self.path.write_text(
            f"#!/bin/sh\necho start >>{self._starts}\n"
            f'test -e {self._broken} && exit 3\nexec {real} "$@"\n'
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def break_it(self) -> None:
        self._broken.touch()

    def mend_it(self) -> None:
        self._broken.unlink()

    @property
    def starts(self) -> int:
        return self._starts.read_text().count("start")


async def programmed(cluster: World) -> tuple[str, str]:
    found = await cluster.kube.get(kinds.GATEWAYS, "gateway-default", "infra")
    told = (found.get("status") or {}).get("conditions") or ()
    for each in told:
        if each["type"] == "Programmed":
            return each["status"], each["message"]
    return "", ""


async def test_a_gateway_says_that_its_envoy_does_not_run(tmp_path: Path) -> None:
    program = Program(tmp_path)
    async with running(tmp_path, program.path) as cluster:
        await cluster.install()
        await cluster.kube.create(kinds.NAMESPACES, {"metadata": {"name": "infra"}})
        await cluster.create(gateway_class())
        await cluster.create(gateway())

        async def is_served() -> bool:
            return (await programmed(cluster))[0] == "True"

        async def is_told() -> bool:
            status, message = await programmed(cluster)
            return status == "False" and "it ended with code 3" in message

        await cluster.until(is_served)
        program.break_it()
        assert cluster.envoy.pid is not None
        os.kill(cluster.envoy.pid, signal.SIGKILL)
        await cluster.until(is_told)
        # Pauses of 0.1, 0.2, 0.4, 0.8 seconds and so on lie between, so that a second sees few.
        assert program.starts < 40
        program.mend_it()
        await cluster.until(is_served)
        assert (await cluster.client.get("/"))[0] == 404


def test_only_an_absence_that_lasts_is_told() -> None:
    absence = Absence()
    assert absence.reason(100) == ""
    absence.began(100, -9)
    assert absence.reason(100.5) == ""
    absence.began(101, 1)
    assert "code 1 " in absence.reason(101.5)
    absence.ended()
    assert absence.reason(200) == ""
