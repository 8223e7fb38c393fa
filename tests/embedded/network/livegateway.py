"""An Envoy with two backends behind it, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from choreo_local.embedded.network.datapath import Addresses
from choreo_local.embedded.network.entrances import Abroad
from choreo_local.embedded.network.envoy import Envoy, find_envoy
from choreo_local.embedded.network.table import RouteTable
from tests.embedded.network.test_datapaths import Client, Upstream, free_port, serve


class LiveGateway:
    """Envoy on the ports 19080 (`port`) and 19081 (`second`) of a Gateway."""

    def __init__(self, path: Envoy, client: Client, second: int, ups: list[Upstream]) -> None:
        self.path = path
        self.client = client
        self.second = second
        self.upstream, self.other = ups

    async def serve(self, made: RouteTable, **ports: int) -> None:
        backends = {"greeter": self.upstream.port, "other": self.other.port, **ports}
        await serve(self.path, made, **backends)

    async def status(
        self, headers: dict[str, str] | None = None, path: str = "/", **more: Any
    ) -> int:
        status, _, _ = await self.client.get(path, headers=headers or {}, **more)
        return status


@asynccontextmanager
async def live_gateway(
    directory: Path, *, abroad: Abroad | None = None
) -> AsyncIterator[LiveGateway]:
    """Skips where there is no Envoy."""
    program = find_envoy()
    if program is None:
        pytest.skip("no Envoy for this platform")
    port, second = free_port(), free_port()
    path = Envoy(
        program,
        directory=directory / "envoy",
        log=directory / "envoy.log",
        # Another instance of the same name would end this one as a leftover.
        instance=f"test-{port}",
        addresses=Addresses(ports={19080: port, 19081: second}),
        abroad=abroad,
    )
    upstreams = [Upstream("one"), Upstream("two")]
    for each in upstreams:
        await each.start()
    await path.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield LiveGateway(path, Client(session, port), second, upstreams)
    finally:
        await path.stop()
        for each in upstreams:
            await each.stop()
