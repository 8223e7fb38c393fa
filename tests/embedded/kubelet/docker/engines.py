"""The container engines that answer on this machine, and a runtime in one of them for tests.

`CHOREO_TEST_ENGINES` names sockets, with colons between them; without it those are taken where
engines usually listen.
"""

from __future__ import annotations

import functools
import http.client
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from choreo_local import clock
from choreo_local.embedded.kubelet.docker import leftovers, sockets
from choreo_local.embedded.kubelet.docker.runtime import DockerRuntime
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.launch import Surroundings, inherited_variables
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import Capability
from choreo_local.errors import ChoreoError
from choreo_local.images.library import ImageLibrary
from tests.embedded.kubelet import processes
from tests.embedded.kubelet.processes import IMAGES, ContainerBench

SOCKETS = "CHOREO_TEST_ENGINES"
WAIT_SECONDS = 60.0
ADDRESS = "192.0.2.7"


@functools.cache
def found() -> tuple[EngineFacts, ...]:
    """The engines that answer and can run pods."""
    named = os.environ.get(SOCKETS)
    try:
        places = [Path(each) for each in named.split(":")] if named else _usual()
    except ChoreoError:
        return ()
    answers = (_ask(place) for place in dict.fromkeys(places))
    return tuple(each for each in answers if each is not None and not each.obstacle)


def _usual() -> list[Path]:
    return [place for place in sockets.candidates(os.environ) if place.exists()]


def _ask(place: Path) -> EngineFacts | None:
    try:
        return sockets.ask(place)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def engine(name: str) -> EngineFacts:
    """The engine with a name; skips the test where it does not answer."""
    for each in found():
        if each.name == name:
            if os.geteuid() != 0:
                pytest.skip("what belongs to containers of an engine can be looked at as root only")
            return each
    pytest.skip(f"no {name} answers on this machine; {SOCKETS} may name its socket")


class NoNetwork:
    """Gives pods an address that leads nowhere: their network has no link."""

    mode = "none"
    resolver = "192.0.2.53"

    def capabilities(self) -> Sequence[Capability]:
        return []

    async def join(self, uid: str, state: Mapping[str, Any], *, address: str) -> str:
        return address or ADDRESS

    async def leave(self, uid: str) -> None:
        pass


class EngineBench(ContainerBench):
    """Starts containers in an engine."""

    runtime: DockerRuntime

    async def shell(self, script: str, **fields: Any) -> list[str]:
        """The lines that a script writes."""
        return await self.run("-c", script, command=["sh"], **fields)

    async def ended(self, record: ContainerRecord, uid: str = "u1") -> ContainerRecord:
        await until(lambda: self.record(record, uid).has_exited)
        return self.record(record, uid)


async def until(fulfilled: Callable[[], Any]) -> Any:
    """Wait, with the patience that engines need, until something is true; answers it."""
    return await processes.until(fulfilled, within=WAIT_SECONDS)


@asynccontextmanager
async def containers(
    facts: EngineFacts,
    folder: Path,
    *,
    library: ImageLibrary | None = None,
    instance_id: str = "",
) -> AsyncIterator[EngineBench]:
    """A runtime of an instance of its own; nothing of it is left behind."""
    instance_id = instance_id or clock.new_uid()
    surroundings = Surroundings(
        instance_id, cache_folder=folder / "cache", inherited=inherited_variables()
    )
    runtime = DockerRuntime(
        facts,
        NoNetwork(),
        Catalogue.of_folders([IMAGES]),
        surroundings,
        folder=folder / "pods",
        open_images=(lambda: library) if library else None,
        stop_seconds=0.2,
    )
    bench = EngineBench(runtime, folder / "pods")
    await runtime.start(bench.changes.append)
    try:
        yield bench
    finally:
        await runtime.stop()
        left = leftovers.containers(facts.socket, instance_id)
        leftovers.clear(folder / "pods", instance_id, with_images=True)
    assert left == []
    assert leftovers.images(facts.socket, instance_id) == []
    assert runtime.failures == {}
