"""Guards hold for connections that clients have kept since before there were any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.network import routes
from choreo_local.embedded.network.table import RouteTable
from tests.embedded.network.gatewayobjects import route, service, world
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.policyobjects import extension, secret, sha, traffic
from tests.embedded.network.test_datapaths import HOST


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


class Kept:
    """One connection on which requests follow each other without a pause, until it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.statuses: list[int] = []
        self.asked = asyncio.Event()

    async def ask(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        try:
            while True:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(
                    line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:-2]
                )
                await reader.readexactly(int(fields["content-length"]))
                self.statuses.append(int(head.split()[1]))
                self.asked.set()
                if fields.get("connection") == "close":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


BUCKET = {"maxTokens": 1, "fillInterval": "1h"}
GUARDS: list[tuple[str, dict[str, Any], int]] = [
    # The filter of an old connection does not know a new policy, and lets nobody pass.
    ("tokens", {"jwtAuth": {"extensionRef": {"name": "tokens"}}}, 403),
    ("passwords", {"basicAuth": {"secretRef": {"name": "users"}}}, 401),
    ("rate", {"rateLimit": {"local": {"tokenBucket": BUCKET}}}, 429),
]  # fmt: skip


def guarded(spec: dict[str, Any]) -> RouteTable:
    return routes.build(
        world(
            route(hostnames=(HOST,)),
            services=[service()],
            policies=[traffic(**spec)],
            extensions={("apps", "tokens"): extension()},
            secrets={("apps", "users"): secret("users", **{".htpasswd": sha("ann", "a")})},
        )
    ).table


@pytest.mark.parametrize("spec", [each[1:] for each in GUARDS], ids=[each[0] for each in GUARDS])
async def test_a_kept_connection_does_not_slip_through(
    live: LiveGateway, spec: tuple[dict[str, Any], int]
) -> None:
    wanted, refused = spec
    await live.serve(routes.build(world(route(hostnames=(HOST,)))).table)
    kept = Kept(live.client.port)
    asking = asyncio.create_task(kept.ask())
    await asyncio.wait_for(kept.asked.wait(), 60)

    await live.serve(guarded(wanted))
    already = len(kept.statuses)
    for _ in range(40):
        if asking.done():
            break
        kept.asked.clear()
        await asyncio.wait({asyncio.create_task(kept.asked.wait()), asking}, timeout=60,
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    asking.cancel()

    # One may have been on its way, and a bucket has a token.
    assert set(kept.statuses[already + 2 :]) <= {401, refused}
