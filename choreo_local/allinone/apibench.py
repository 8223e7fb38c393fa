"""Measures the OpenChoreo API of an instance of its own, whose roles and bindings decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from choreo_local.allinone import instance as instances
from choreo_local.allinone.bench import bench_home
from choreo_local.allinone.benchclient import Access, Connection, body_of
from choreo_local.allinone.figures import Figure
from choreo_local.errors import ChoreoError
from choreo_local.paths import InstancePaths

_CONNECTIONS = 16
_PAGE = 100
_COMPONENTS = "/api/v1/namespaces/default/components"

Say = Callable[[str], None]
Ask = Callable[[Connection, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        requests: samples of each latency, and requests in one sample of a rate.
        listed: components in the list.
        rounds: samples of each rate, and of the list.
    """

    requests: int = 1_000
    listed: int = 1_000
    rounds: int = 5


def measure(extent: Extent, say: Say) -> list[Figure]:
    """Start an instance and measure its API with the token of its owner."""
    with bench_home() as bench:
        say("starting an instance")
        bench.choreo("up", "--no-tui")
        paths = InstancePaths.of("default", bench.home)
        record = instances.load(paths)
        assert record is not None
        access = Access("127.0.0.1", record.ports["api"], None, paths.token.read_text().strip())
        return asyncio.run(measure_at(access, extent, say))


async def measure_at(access: Access, extent: Extent, say: Say) -> list[Figure]:
    """The figures of the API at an address; components are left in namespace default."""
    async with _connections(access) as connections:
        say("creates")
        figures = await _figures("create a component", _create, connections, extent)
        made = extent.requests * (extent.rounds + 1)
        for number in range(made, extent.listed):
            await _create(connections[0], number)
        say("reads")
        figures += await _figures("GET a component", _get, connections, extent)
        say("lists")
        pages = Figure(f"list: a page of {_PAGE}", "≤ 27 ms")
        whole = Figure(f"list: {extent.listed} components, page by page", "-")
        for _ in range(extent.rounds):
            await _list(connections[0], extent.listed, pages, whole)
    return [*figures, pages, whole]


async def _figures(
    name: str, ask: Ask, connections: Sequence[Connection], extent: Extent
) -> list[Figure]:
    """How long one request takes, and how many are answered in a second."""
    latency = Figure(name, "≤ 2.5 ms" if ask is _get else "-")
    for number in range(extent.requests):
        began = time.perf_counter()
        await ask(connections[0], number)
        latency.samples.append((time.perf_counter() - began) * 1e3)
    rate = Figure(f"{name}, {_CONNECTIONS} at once", "-", unit="/s", more_is_better=True)
    for turn in range(1, extent.rounds + 1):
        numbers = iter(range(turn * extent.requests, (turn + 1) * extent.requests))

        async def work(connection: Connection, numbers: Iterator[int] = numbers) -> None:
            for number in numbers:
                await ask(connection, number)

        began = time.perf_counter()
        await asyncio.gather(*(work(connection) for connection in connections))
        rate.samples.append(extent.requests / (time.perf_counter() - began))
    return [latency, rate]


async def _create(connection: Connection, number: int) -> bytes:
    spec = {
        "owner": {"projectName": "default"},
        "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
    }
    body = {"metadata": {"name": f"bench-{number}"}, "spec": spec}
    return await connection.request("POST", _COMPONENTS, orjson.dumps(body))


async def _get(connection: Connection, number: int) -> bytes:
    return await connection.request("GET", f"{_COMPONENTS}/bench-{number}")


async def _list(connection: Connection, count: int, pages: Figure, whole: Figure) -> None:
    """Read pages until so many components have come."""
    seen, cursor, began = 0, "", time.perf_counter()
    while seen < count:
        asked = time.perf_counter()
        answer = await connection.request("GET", f"{_COMPONENTS}?limit={_PAGE}{cursor}")
        pages.samples.append((time.perf_counter() - asked) * 1e3)
        content = orjson.loads(body_of(answer))
        seen += len(content["items"])
        following = content["pagination"].get("nextCursor")
        if not following and seen < count:
            raise ChoreoError(f"the list of components ends after {seen} of {count}")
        cursor = f"&cursor={following}"
    whole.samples.append((time.perf_counter() - began) * 1e3)


@asynccontextmanager
async def _connections(access: Access) -> AsyncIterator[Sequence[Connection]]:
    opened = [await Connection.open(access) for _ in range(_CONNECTIONS)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()
