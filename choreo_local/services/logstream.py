"""What all containers of a component write, as one stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
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
    """One stream a container instance; a watch on the pods finds new ones."""

    def __init__(self, cell: Cell, wanted: Wanted) -> None:
        self._cell = cell
        self._wanted = wanted
        self._tasks = TaskGroup("logs")
        self._queue: asyncio.Queue[LogLine] = asyncio.Queue(_WAITING_LINES)
        self._seen: set[tuple[str, str, int]] = set()
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
        for container, restarts in started(pod):
            key = (str(pod["metadata"]["uid"]), container, restarts)
            if key in self._seen:
                continue
            # What was there before us is cut to the wanted tail, what comes later is read whole.
            is_new = self._informer.synced.is_set()
            wanted = (
                replace(self._wanted, tail=None, since_seconds=None) if is_new else self._wanted
            )
            self._seen.add(key)
            name = pod["metadata"]["name"]
            self._tasks.start(self._stream(name, container, wanted), name=f"{name}/{container}")

    async def _stream(self, pod: str, container: str, wanted: Wanted) -> None:
        """Read until the container has ended; a stream that breaks before is opened again."""
        restarts = self._restarts(pod, container)
        last = ""
        while True:
            found = podlogs.lines(self._cell.client, self._cell.namespace, pod, container, wanted)
            with suppress(ApiError, UnreachableError):
                async with aclosing(found):
                    async for line in found:
                        if line.time > last or not wanted.since_time:
                            last = line.time
                            await self._queue.put(line)
            await asyncio.sleep(_REOPEN_SECONDS)
            if restarts is None or self._restarts(pod, container) != restarts:
                return
            wanted = Wanted(follow=True, since_time=last)

    def _restarts(self, pod: str, container: str) -> int | None:
        """The restarts of a container that runs, None of one that does not."""
        found = self._informer.get(pod, self._cell.namespace)
        for entry in ((found or {}).get("status") or {}).get("containerStatuses") or ():
            if entry.get("name") == container and "running" in (entry.get("state") or {}):
                return int(entry.get("restartCount") or 0)
        return None


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
