"""Runs commands in containers of a sandbox, once they have been started."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from choreo_local.embedded.kubelet.checks import Collected, OutputOnly
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import StartError
from tests.embedded.kubelet.processes import Bench

_PATIENCE_SECONDS = 60


async def entered(bench: Bench, record: ContainerRecord, words: Sequence[str]) -> list[str]:
    """The lines that a command writes in a container."""
    streams = Collected()
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            streams.output.clear()
            try:
                code = await bench.runtime.exec(record.id, words, streams, OutputOnly())
            except StartError:  # It is still being started.
                await asyncio.sleep(0.002)
                continue
            break
    assert code == 0, streams.output.decode()
    return streams.output.decode().splitlines()
