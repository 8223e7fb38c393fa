"""What many and what slow watchers may cost: a server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil
import pytest

from choreo_local.embedded.kubeapi import watching
from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.server import Server
from choreo_local.embedded.storage.store import MemoryBackend, Store
from tests.embedded.kubeapi.harness import CONFIG_MAPS, config_map

# 10,000 take half a minute: CHOREO_WATCHES=10000.
_WATCHES = int(os.environ.get("CHOREO_WATCHES", "300"))
_KILOBYTES_PER_WATCH = 100
_WAIT_SECONDS = 60 + _WATCHES / 50

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Served:
    """A running server."""

    socket: Path
    process: asyncio.subprocess.Process

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "choreo_local.embedded.kubeapi", "--state", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60)
    yield Served(tmp_path / "kube.sock", process)
    process.terminate()
    await process.wait()


async def send(socket: Path, line: str, body: bytes = b"") -> Connection:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(f"{line} HTTP/1.1\r\nHost: k\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    writer.write(body)
    return reader, writer


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)


async def create(socket: Path, name: str, size: int = 1) -> None:
    body = orjson.dumps({**config_map(name), "data": {"k": "x" * size}})
    reader, writer = await send(socket, f"POST {CONFIG_MAPS}", body)
    assert b" 201 " in await reader.readline()
    writer.close()


async def test_many_watches_are_served_in_bounded_memory(served: Served) -> None:
    await create(served.socket, "before")
    before = served.memory
    path = f"GET {CONFIG_MAPS}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dafter"
    connections: list[Connection] = []
    async with asyncio.timeout(_WAIT_SECONDS):
        for _ in range(_WATCHES):
            connections.append(await send(served.socket, path))
            # One after the other: the backlog of a socket is shorter than this.
            assert b" 200 " in await connections[-1][0].readline()
        await create(served.socket, "after")
        for reader, _ in connections:
            while b'"ADDED"' not in await reader.readline():
                pass
    grown = served.memory - before

    for _, writer in connections:
        writer.close()
    assert grown / _WATCHES < _KILOBYTES_PER_WATCH * 1024, f"{grown / _WATCHES / 1024:.0f} KB each"
    await create(served.socket, "still-there")


async def test_a_caller_that_reads_nothing_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_PATIENCE_SECONDS", 0.2)
    store = Store(MemoryBackend())
    api = KubeApi(store)
    await api.start()
    server = Server(api)
    socket = tmp_path / "kube.sock"
    await server.listen_unix(socket)
    try:
        _, idle = await send(socket, f"GET {CONFIG_MAPS}?watch=true&resourceVersion=1")
        log = store.log("configmaps")
        async with asyncio.timeout(60):
            await until(lambda: bool(log._followers))
            for number in range(40):
                await create(socket, f"n{number}", 100_000)
            await until(lambda: not log._followers)
        idle.close()
    finally:
        await server.stop()
        await api.stop()
