"""What all containers of a component write, as one stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from choreo_local.apiclient.types import LogLine
from choreo_local.errors import ApiError, BadRequestError, NotFoundError, UnreachableError
from choreo_local.kubeclient.watcher import Informer
from choreo_local.services import podlogs
from choreo_local.services.gathering import Gatherer
from choreo_local.services.live import Cell, Live
from choreo_local.services.podlogs import Wanted
from choreo_local.tasks import TaskGroup

Manifest = dict[str, Any]

_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s?)?")
# Lines that arrive within this time of one another are put in order.
_SORT_SECONDS = 0.05
_WAITING_LINES = 2000
# Also the time that the news of a container's end has to arrive.
_REOPEN_SECONDS = 1.0


class Logs:
    """Use cases of logs."""

    def __init__(self, gatherer: Gatherer, live: Live) -> None:
        self._gatherer = gatherer
        self._live = live

    async def open(
        self, namespace: str, component: str, *, environment: str, wanted: Wanted
    ) -> AsyncGenerator[LogLine, None]:
        """The lines; what cannot be read at all is raised before the first.

        With `wanted.follow` the stream goes on over restarts and new pods until it is closed.
        """
        found = await self._gatherer.component(namespace, component)
        cell = await self._live.cell(found, environment)
        binding = await self._gatherer.binding(found, environment)
        if binding is None or binding["spec"].get("state") == "Undeploy":
            raise NotFoundError(
                f'"{component}" is not deployed in {environment}',
                remedy=f"Bring it there: choreo promote {component} --to {environment}",
            )
        return _follow(cell, wanted) if wanted.follow else _read(cell, wanted)


async def _read(cell: Cell, wanted: Wanted) -> AsyncGenerator[LogLine, None]:
    """What there is now, by time; `tail` counts all containers together."""
    sources = [
        (pod["metadata"]["name"], container)
        for pod in await cell.pods()
        for container, _ in started(pod)
    ]
    found = await asyncio.gather(*(_all(cell, *source, wanted) for source in sources))
    for line in merged(found, tail=wanted.tail):
        yield line


async def _all(cell: Cell, pod: str, container: str, wanted: Wanted) -> list[LogLine]:
    try:
        return [
            line
            async for line in podlogs.lines(cell.client, cell.namespace, pod, container, wanted)
        ]
    except ApiError as error:
        # Gone since it was listed, or nothing there yet, or no instance before this one.
        if isinstance(error, (NotFoundError, BadRequestError)):
            return []
        raise


async def _follow(cell: Cell, wanted: Wanted) -> AsyncGenerator[LogLine, None]:
    follower = _Follower(cell, wanted)
    try:
        async for line in follower.lines():
            yield line
    finally:
        await follower.stop()


class _Follower:
    """Follows each container of the pods that a watch finds."""

    def __init__(self, cell: Cell, wanted: Wanted) -> None:
        self._cell = cell
        self._wanted = wanted
        self._tasks = TaskGroup("logs")
        self._queue: asyncio.Queue[LogLine] = asyncio.Queue(_WAITING_LINES)
        self._containers: dict[tuple[str, str], _Container] = {}
        self._informer = Informer(
            cell.client,
            podlogs.PODS,
            namespace=cell.namespace,
            label_selector=cell.label_selector,
            on_change=self._changed,
        )

    async def lines(self) -> AsyncIterator[LogLine]:
        """The lines, in order as far as they arrive together."""
        self._tasks.start(self._informer.run(), name="pods")
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(_SORT_SECONDS)
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            for line in sorted(batch, key=lambda line: line.time):
                yield line

    async def stop(self) -> None:
        """Close all streams."""
        await self._tasks.stop()

    def _changed(self, old: Manifest | None, pod: Manifest | None) -> None:
        del old
        if pod is None:
            return
        metadata = pod["metadata"]
        for name, restarts in started(pod):
            key = (str(metadata["uid"]), name)
            known = self._containers.get(key)
            if known is not None:
                known.saw(restarts)
                continue
            wanted = self._wanted
            if self._informer.synced.is_set():
                # What was there before us is cut to the wanted tail, what comes later is not.
                wanted = replace(wanted, tail=None, since_seconds=None)
            container = _Container(metadata["name"], name, restarts)
            self._containers[key] = container
            self._tasks.start(self._read(container, wanted), name=f"{metadata['name']}/{name}")

    async def _read(self, container: _Container, wanted: Wanted) -> None:
        """Read one instance of a container after the other, each line once."""
        while True:
            container.takes_up()
            with suppress(ApiError, UnreachableError):
                await self._read_once(container, wanted)
            if not await container.goes_on(self._runs):
                return
            wanted = Wanted(follow=True, since_time=container.last)

    async def _read_once(self, container: _Container, wanted: Wanted) -> None:
        before = container.last
        found = podlogs.lines(
            self._cell.client, self._cell.namespace, container.pod, container.name, wanted
        )
        async with aclosing(found):
            async for line in found:
                if line.time > before:
                    container.last = line.time
                    await self._queue.put(line)

    def _runs(self, container: _Container) -> bool | None:
        """Whether a container runs; None when its pod is gone."""
        pod = self._informer.get(container.pod, self._cell.namespace)
        if pod is None:
            return None
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        return any(
            entry.get("name") == container.name and "running" in (entry.get("state") or {})
            for entry in statuses
        )


class _Container:
    """How far the log of a container has been read.

    The cluster shows the log of the latest instance only, so after many quick restarts one
    stream may hold what another was opened for; lines are told apart by their time.
    """

    def __init__(self, pod: str, name: str, restarts: int) -> None:
        self.pod = pod
        self.name = name
        self.last = ""
        self._restarts = restarts
        self._is_new = asyncio.Event()

    def saw(self, restarts: int) -> None:
        """The container was seen with so many restarts."""
        if restarts > self._restarts:
            self._restarts = restarts
            self._is_new.set()

    def takes_up(self) -> None:
        """A stream is about to be opened, for whatever instance is the latest."""
        self._is_new.clear()

    async def goes_on(self, runs: Callable[[_Container], bool | None]) -> bool:
        """Wait until there is something to read again; False when there never will be."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REOPEN_SECONDS):
                    await self._is_new.wait()
                    return True
            is_running = runs(self)
            if is_running is None:
                return False
            if is_running:
                return True


def started(pod: Manifest) -> Iterator[tuple[str, int]]:
    """The containers of a pod that have written or may have, with their restarts."""
    status = pod.get("status") or {}
    for field in ("initContainerStatuses", "containerStatuses"):
        for entry in status.get(field) or ():
            state, last = entry.get("state") or {}, entry.get("lastState") or {}
            if "running" in state or "terminated" in state or "terminated" in last:
                yield str(entry["name"]), int(entry.get("restartCount") or 0)


def seconds(text: str) -> int:
    """A duration such as `90`, `5m` or `1h30m`; BadRequestError when it is none."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise BadRequestError(
            f'cannot read the duration "{text[:40]}"', remedy="Write it as 30s, 5m or 1h30m"
        )
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def merged(parts: Iterable[Iterable[LogLine]], *, tail: int | None = None) -> list[LogLine]:
    """Lines of several containers by time; only the last `tail` of them."""
    lines = sorted((line for part in parts for line in part), key=lambda line: line.time)
    return lines if tail is None else lines[max(len(lines) - tail, 0) :]
