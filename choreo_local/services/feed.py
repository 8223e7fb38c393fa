"""Boards that follow the cluster: one set of watches for all who look.

Started by the first who asks, and kept: the watches cost little, listing again would.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.apiclient.types import Board, BoardEvent, BoardReplaced, Ping, Row, RowsChanged
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.trimming import Trimmed
from choreo_local.kubeclient.watcher import Informer
from choreo_local.services import podlogs, pods, trimming
from choreo_local.services.boardstate import BoardState, RowSight, View
from choreo_local.services.live import Planes
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

Manifest = dict[str, Any]
Trim = Callable[[Mapping[str, Any]], Manifest]

_DEBOUNCE_SECONDS = 0.03
_BETWEEN_SECONDS = 0.1
_PING_SECONDS = 10.0
_SYNC_SECONDS = 10.0
_WORDS_KEPT = 1000
_WORDS_AT_ONCE = 4
_LONGEST_WORDS = 200

_WATCHED: tuple[tuple[ResourceKind, Trim], ...] = (
    (registry.COMPONENT, trimming.metadata_only),
    (registry.PROJECT, trimming.metadata_only),
    (registry.DEPLOYMENT_PIPELINE, trimming.metadata_only),
    (registry.ENVIRONMENT, trimming.metadata_only),
    (registry.COMPONENT_RELEASE, trimming.release),
    (registry.RELEASE_BINDING, trimming.metadata_only),
    (registry.RENDERED_RELEASE, trimming.rendered_release),
)
_PLANES = (registry.DATA_PLANE, registry.CLUSTER_DATA_PLANE)
_WordsKey = tuple[str, str, int]


class BoardFeed:
    """Serves boards; all methods in one event loop."""

    def __init__(self, client: KubeClient, planes: Planes) -> None:
        self._client = client
        self._planes = planes
        self._tasks = TaskGroup("board")
        self._state = BoardState()
        self._informers: list[Informer] = []
        self._followed: dict[KubeClient, Informer] = {}
        self._words = _LastWords()
        self._changed = asyncio.Event()
        self._viewers: list[_Viewer] = []
        self._started = False
        self._stopped = False

    async def ready(self) -> None:
        """Return once boards can be made; UnreachableError when that takes too long."""
        await self._start()

    async def board(
        self, namespace: str, project: str | None = None, *, sight: RowSight | None = None
    ) -> Board:
        """A board as it is now; `sight` is what the caller may see of it."""
        await self._start()
        view = View(namespace, project, sight)
        view.fill(self._state, self._words)
        return view.board

    async def watch(
        self, namespace: str, project: str | None = None, *, sight: RowSight | None = None
    ) -> AsyncGenerator[BoardEvent, None]:
        """The board, then its changes; ends when the feed is stopped."""
        await self._start()
        with self._viewer(View(namespace, project, sight)) as viewer:
            yield BoardReplaced(viewer.view.board)
            while not self._stopped:
                event = await viewer.next(_PING_SECONDS)
                if event is not None:
                    yield event

    async def stop(self) -> None:
        """End all watches and tell all viewers."""
        self._stopped = True
        for viewer in self._viewers:
            viewer.wake()
        await self._tasks.stop()

    @contextmanager
    def _viewer(self, view: View) -> Iterator[_Viewer]:
        view.fill(self._state, self._words)
        viewer = _Viewer(view)
        self._viewers.append(viewer)
        try:
            yield viewer
        finally:
            self._viewers.remove(viewer)

    # Watching.

    async def _start(self) -> None:
        if not self._started:
            self._started = True
            for kind, trim in _WATCHED:
                self._informers.append(self._follow(self._client, kind, trim))
            for kind in _PLANES:
                planes = Informer(self._client, kind, on_change=self._plane_changed)
                self._tasks.start(planes.run(), name=kind.plural)
                self._informers.append(planes)
            self._tasks.start(self._flush_forever(), name="flush")
        await self._synced()

    async def _synced(self) -> None:
        try:
            async with asyncio.timeout(_SYNC_SECONDS):
                for informer in (*self._informers, *self._followed.values()):
                    await informer.synced.wait()
        except TimeoutError:
            raise UnreachableError(
                "cannot read the board: the kube API does not answer",
                remedy="See the state of the instance: choreo status",
            ) from None

    def _follow(
        self, client: KubeClient, kind: ResourceKind, trim: Trim, *, label_selector: str = ""
    ) -> Informer:
        def on_change(old: Manifest | None, new: Manifest | None) -> None:
            self._state.store(kind.kind, old, new)
            self._changed.set()
            if kind.kind == "Pod" and new is not None:
                self._listen(client, new)

        informer = Informer(
            Trimmed(client, trim),
            kind,
            label_selector=label_selector,
            on_change=on_change,
        )
        self._tasks.start(informer.run(), name=kind.plural)
        return informer

    def _plane_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        del old
        if new is None:
            return
        try:
            client = self._planes.of(new)
        except UnreachableError:
            # The plane's status changes when its agent connects, and we are called again.
            return
        # Objects that speak of one local plane share its client.
        if client in self._followed:
            return
        self._followed[client] = self._follow(
            client, podlogs.PODS, trimming.pod, label_selector=labels.COMPONENT
        )

    # The last words of containers that crashed.

    def _listen(self, client: KubeClient, pod: Manifest) -> None:
        trouble = pods.trouble(pod)
        if trouble is None or not trouble.crashed or '"' in trouble.detail:
            return
        key = (str(pod["metadata"]["uid"]), trouble.container, trouble.restarts)
        if self._words.claim(key):
            self._tasks.start(self._fetch_words(client, pod, key), name=f"words of {trouble.pod}")

    async def _fetch_words(self, client: KubeClient, pod: Manifest, key: _WordsKey) -> None:
        metadata, last = pod["metadata"], ""
        async with self._words.slots:
            found = podlogs.lines(
                client, metadata["namespace"], metadata["name"], key[1], podlogs.Wanted(tail=5)
            )
            try:
                async with aclosing(found):
                    async for line in found:
                        last = line.line.strip() or last
            except (ApiError, UnreachableError) as error:
                logger.debug("No last words Pod=%s reason=%s", metadata["name"], error)
        if last:
            self._words[key] = last[:_LONGEST_WORDS]
            self._state.touch(pod)
            self._changed.set()

    # Telling viewers.

    async def _flush_forever(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_DEBOUNCE_SECONDS)
            self._changed.clear()
            self._flush()
            await asyncio.sleep(_BETWEEN_SECONDS - _DEBOUNCE_SECONDS)

    def _flush(self) -> None:
        dirty, namespaces = self._state.take_changes()
        for viewer in self._viewers:
            event = viewer.view.refresh(
                self._state, self._words, dirty=dirty, namespaces=namespaces
            )
            if event is not None:
                viewer.tell(event)


class _LastWords(OrderedDict[_WordsKey, str]):
    """Last lines of crashed containers; the oldest are forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = asyncio.Semaphore(_WORDS_AT_ONCE)

    def claim(self, key: _WordsKey) -> bool:
        """Whether nobody has asked for these words yet."""
        if key in self:
            return False
        self[key] = ""
        while len(self) > _WORDS_KEPT:
            self.popitem(last=False)
        return True


class _Viewer:
    """Somebody who looks at a board; what he has not fetched yet is merged, never queued."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._board: BoardReplaced | None = None
        self._rows: dict[str, Row | None] = {}
        self._woken = asyncio.Event()

    def tell(self, event: BoardReplaced | RowsChanged) -> None:
        """Merge an event into what waits to be fetched."""
        if isinstance(event, BoardReplaced):
            self._board = event
            self._rows.clear()
        elif self._board is not None:
            self._board = BoardReplaced(self.view.board)
        else:
            self._rows |= {row.component: row for row in event.rows}
            self._rows |= dict.fromkeys(event.removed)
        self._woken.set()

    def wake(self) -> None:
        """Make `next` return."""
        self._woken.set()

    async def next(self, seconds: float) -> BoardEvent | None:
        """What happened, or a ping after so long without anything."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return Ping()
        self._woken.clear()
        board, self._board = self._board, None
        rows, self._rows = self._rows, {}
        if board is not None:
            return board
        if not rows:
            return None
        changed = tuple(row for row in rows.values() if row is not None)
        return RowsChanged(changed, tuple(name for name, row in rows.items() if row is None))
