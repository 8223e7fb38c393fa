"""Measures a Kubernetes API: writes, lists, watches, memory; the same requests to any server."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from choreo_local import clock
from choreo_local.allinone import benchservers
from choreo_local.allinone.benchclient import Access, Connection, WatchConnection, body_of
from choreo_local.allinone.benchservers import Running
from choreo_local.allinone.figures import Figure
from choreo_local.errors import ChoreoError, WaitTimeoutError

_CONNECTIONS = 16
_WATCHERS = (1, 20, 200)
_WRITES = ("creates", "updates", "applies")
_WAIT_SECONDS = 30.0
_REVISION = re.compile(rb'"metadata":{"resourceVersion":"(\d+)"')
_APPLY = "application/apply-patch+yaml"
# Objects that no list or watch of the other measurements sees.
_FILL_NAMESPACE = "choreo-bench-fill"

Say = Callable[[str], None]
Write = Callable[[Connection, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: samples of each figure but the latencies.
        writes: in one sample of a rate.
        events: samples of each latency.
        listed: objects in the list.
        objects: that are in the server when its memory is read; 0 leaves memory out.
    """

    rounds: int = 5
    writes: int = 2_000
    events: int = 40
    listed: int = 5_000
    objects: int = 50_000


@dataclass(frozen=True, slots=True)
class System:
    """An API server that can be started, or is there."""

    name: str
    start: Callable[[Path], AbstractContextManager[Running]]


def measure(systems: Sequence[System], extent: Extent, say: Say) -> dict[str, list[Figure]]:
    """The figures of each system, by its name and in the same order.

    The systems take turns, so that what else the machine does meets all of them.
    """
    found = {system.name: _Figures(extent) for system in systems}
    for number in range(extent.rounds):
        for system in systems:
            say(f"{system.name}: round {number + 1} of {extent.rounds}")
            with tempfile.TemporaryDirectory(prefix="choreo-bench-") as folder:
                is_last = number == extent.rounds - 1
                _round(system, Path(folder), found[system.name], extent, is_last=is_last)
    return {name: figures.measured() for name, figures in found.items()}


class _Figures:
    """The figures of one system, as they gather."""

    def __init__(self, extent: Extent) -> None:
        self.start = Figure("start", "")
        self.rates = {
            name: Figure(name, "≥ reference", unit="/s", more_is_better=True) for name in _WRITES
        }
        self.costs = {
            name: Figure(f"processor time of {name}", "", unit="µs each") for name in _WRITES
        }
        self.lists = Figure(f"list of {extent.listed:,}", "≥ reference")
        self.watches = {
            count: Figure(f"write → last of {count} watchers", "≥ reference") for count in _WATCHERS
        }
        self.memory = Figure(f"memory at {extent.objects:,} objects", "", unit="MB")

    def measured(self) -> list[Figure]:
        """Those that have samples."""
        figures = [self.start, *self.rates.values(), *self.costs.values(), self.lists]
        figures += [*self.watches.values(), self.memory]
        return [figure for figure in figures if figure.samples]


def _round(
    system: System, folder: Path, figures: _Figures, extent: Extent, *, is_last: bool
) -> None:
    with system.start(folder) as running:
        if running.processes:
            figures.start.samples.append(running.start_seconds * 1e3)
        uvloop.run(_measure(running, figures, extent))
        if is_last and running.processes and extent.objects:
            uvloop.run(_fill(running.access, extent.objects))
            figures.memory.samples.append(running.megabytes)


async def _measure(running: Running, figures: _Figures, extent: Extent) -> None:
    bench = _Bench(running.access)
    await bench.open()
    try:
        writes = zip(_WRITES, (bench.create, bench.update, bench.apply), strict=True)
        for name, write in writes:
            spent = running.processor_seconds
            figures.rates[name].samples.append(await bench.rate(write, extent.writes))
            if running.processes:
                spent = running.processor_seconds - spent
                figures.costs[name].samples.append(spent / extent.writes * 1e6)
        for count, figure in figures.watches.items():
            events = max(1, extent.events // extent.rounds)
            figure.samples += await bench.latencies(count, events)
        await bench.create_up_to(extent.listed)
        figures.lists.samples += [await bench.list_all(extent.listed) for _ in range(3)]
    finally:
        await bench.close()


async def _fill(access: Access, objects: int) -> None:
    bench = _Bench(access, namespace=_FILL_NAMESPACE)
    await bench.open()
    try:
        await bench.rate(bench.create, objects)
    finally:
        await bench.close()


class _Bench:
    """Some connections to a server, and a namespace to work in."""

    def __init__(self, access: Access, namespace: str = "choreo-bench") -> None:
        self._access = access
        self._name = namespace
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._connections: list[Connection] = []
        self._created = 0

    async def open(self) -> None:
        """Connect, and make the namespace."""
        for _ in range(_CONNECTIONS):
            self._connections.append(await Connection.open(self._access))
        body = orjson.dumps({"metadata": {"name": self._name}})
        await self._connections[0].request("POST", "/api/v1/namespaces", body)

    async def close(self) -> None:
        """Disconnect; the namespace goes, where somebody removes what is in it."""
        try:
            await self._connections[0].request("DELETE", f"/api/v1/namespaces/{self._name}")
        finally:
            for connection in self._connections:
                await connection.close()

    async def rate(self, write: Write, count: int) -> float:
        """Writes a second, from all connections at once."""
        numbers = iter(range(count))

        async def work(connection: Connection) -> None:
            for number in numbers:
                await write(connection, number)

        began = time.perf_counter()
        await asyncio.gather(*(work(connection) for connection in self._connections))
        return count / (time.perf_counter() - began)

    async def create(self, connection: Connection, number: int) -> bytes:
        """A new object."""
        answer = await connection.request("POST", self._path, _config_map(number, "created"))
        self._created = max(self._created, number + 1)
        return answer

    async def update(self, connection: Connection, number: int) -> bytes:
        """Other data in an object that `create` made."""
        path = f"{self._path}/{_name(number)}"
        return await connection.request("PUT", path, _config_map(number, "updated"))

    async def apply(self, connection: Connection, number: int) -> bytes:
        """Server-side apply; every other one changes what the one before has made."""
        body = _config_map(number // 2, f"applied {number % 2}", prefix="applied")
        path = f"{self._path}/{_name(number // 2, 'applied')}?fieldManager=bench&force=true"
        return await connection.request("PATCH", path, body, _APPLY)

    async def create_up_to(self, count: int) -> None:
        """Have at least so many objects in the namespace."""
        first = self._created

        async def create(connection: Connection, number: int) -> bytes:
            return await self.create(connection, first + number)

        await self.rate(create, max(0, count - first))

    async def list_all(self, count: int) -> float:
        """Milliseconds of a list in one page."""
        path = f"{self._path}?labelSelector=app%3Dcreated"
        began = time.perf_counter()
        answer = await self._connections[0].request("GET", path)
        took = (time.perf_counter() - began) * 1e3
        if (listed := body_of(answer).count(b'"uid"')) < count:
            raise ChoreoError(f"the list has {listed} objects instead of {count}")
        return took

    async def latencies(self, watchers: int, count: int) -> list[float]:
        """Milliseconds from sending a change until the last watcher has it, one a change."""
        connections = [await WatchConnection.open(self._access) for _ in range(watchers)]
        answer = await self._connections[0].request("GET", f"{self._path}?limit=1")
        revision = _REVISION.findall(answer)[0].decode()
        path = f"{self._path}?watch=true&resourceVersion={revision}"
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                answered = _all_have(connections, b"HTTP/1.1 200")
                for connection in connections:
                    connection.send("GET", path)
                await answered
                return [await self._latency(connections) for _ in range(count)]
        except TimeoutError:
            raise WaitTimeoutError(
                f"{watchers} watchers did not see {count} changes within {_WAIT_SECONDS:.0f} s"
            ) from None
        finally:
            for connection in connections:
                await connection.close()

    async def _latency(self, watchers: Sequence[WatchConnection]) -> float:
        mark = clock.new_uid()
        seen = _all_have(watchers, mark.encode())
        began = time.perf_counter()
        body = _config_map(0, mark)
        await self._connections[0].request("PUT", f"{self._path}/{_name(0)}", body)
        return (await seen - began) * 1e3


def _all_have(watchers: Sequence[WatchConnection], mark: bytes) -> asyncio.Future[float]:
    """The time at which the last of the watchers has got a mark."""
    left = len(watchers)
    last: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def arrived(moment: float) -> None:
        nonlocal left
        left -= 1
        if not left and not last.done():
            last.set_result(moment)

    for watcher in watchers:
        watcher.expect(mark, arrived)
    return last


def _name(number: int, prefix: str = "created") -> str:
    return f"{prefix}-{number:06}"


def _config_map(number: int, value: str, *, prefix: str = "created") -> bytes:
    """An object of the size of most: some labels, an annotation, half a kilobyte of data."""
    name = _name(number, prefix)
    metadata = {
        "name": name,
        "labels": {"app": prefix, "shard": str(number % 10)},
        "annotations": {"choreo.dev/description": f"Object {number} of a measurement"},
    }
    data = {"value": value, "settings": "key = value\n" * 40}
    return orjson.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    )


def systems(reference: Path | None, kubeconfig: Path | None) -> list[System]:
    """What to measure: the embedded server, and what it is compared with."""
    found = [System("embedded", benchservers.embedded)]
    if reference is not None:
        binaries = reference
        found.append(System("reference", lambda folder: benchservers.reference(binaries, folder)))
    if kubeconfig is not None:
        config = kubeconfig
        found.append(System(config.name, lambda _: benchservers.existing(config)))
    return found
