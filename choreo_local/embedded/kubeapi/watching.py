"""watch: a stream of events from a revision on.

A watcher is a place in the store's event log: it is woken by each change, and reads on from there
when its caller has taken what it was sent. One that reads too slowly finds that history has moved
on, is cut off, and lists anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.embedded.kubeapi import answers, conversion, problems, tables
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.matching import Matcher, build_matcher
from choreo_local.embedded.kubeapi.messages import Push, StreamingResponse
from choreo_local.embedded.kubeapi.options import ListOptions, parse_revision, read_list
from choreo_local.embedded.kubeapi.reading import text_of, versioned
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import ADDED, DELETED, Event, EventLog, Stored
from choreo_local.errors import ApiError, ExpiredError

# kopf gives a silent watch up after 70 s.
_BOOKMARK_SECONDS = 30.0
_DEFAULT_SECONDS = 1800.0
# A caller that takes nothing for so long is gone, or might as well be.
_PATIENCE_SECONDS = 60.0
# As much is made ready at once: what waits for one watcher has to stay small.
_CHUNK_BYTES = 64 * 1024
# Timers may fire that much early; nothing would wake a watcher a second time.
_TICK_SECONDS = 0.005
# More at once may be too much for the buffer of a connection.
_MOST_PUSHED = 16
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


async def watch(core: Core, call: Call) -> StreamingResponse:
    """The answer to a watch request."""
    options = read_list(call.request, watch=True)
    matcher = build_matcher(call, options)
    revision = _start(options)
    if options.send_initial_events is False and not revision:
        revision = core.store.revision
    log = core.store.log(call.collection.storage)
    watcher = _Watch(core, call.collection, matcher, _encoder(call))
    if _wants_initial(options):
        ends_marked = bool(options.send_initial_events and options.allow_bookmarks)
        watcher.begin_with_all(call.namespace, ends_marked=ends_marked)
    elif revision < log.horizon:
        error = ExpiredError(f"too old resource version: {revision} ({log.horizon})")
        return StreamingResponse(200, _once(_line("ERROR", problems.to_status(error))))
    else:
        watcher.begin_after(revision)
    timeout = float(options.timeout_seconds or _DEFAULT_SECONDS * (1 + clock.jitter(1)))
    stream = watcher.stream(log, timeout=timeout, bookmarks=options.allow_bookmarks)
    return StreamingResponse(
        200,
        stream,
        headers=[("Cache-Control", "no-cache, private")],
        patience_seconds=_PATIENCE_SECONDS,
        offer=watcher.use,
    )


async def _once(line: bytes) -> AsyncIterator[bytes]:
    yield line


def _start(options: ListOptions) -> int:
    text = options.resource_version
    if not text:
        return 0
    try:
        return parse_revision(text)
    except ValueError as error:
        raise problems.plain_internal(
            f'resourceVersion: Invalid value: "{text}": {error}'
        ) from None


def _wants_initial(options: ListOptions) -> bool:
    if options.send_initial_events is not None:
        return options.send_initial_events
    return options.resource_version in ("", "0")


Encoder = Callable[[str, Manifest], bytes]


def _encoder(call: Call) -> Encoder | None:
    """How events are turned into another form; None for plain objects."""
    transform = call.form.transform
    if not transform:
        return None
    if transform == "Table":
        return _TableEncoder(call)

    def encode(kind: str, obj: Manifest) -> bytes:
        return _line(kind, tables.partial(obj, version=call.form.version))

    return encode


class _TableEncoder:
    """Events as Tables; only the first one carries the column definitions."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._first = True

    def __call__(self, kind: str, obj: Manifest) -> bytes:
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        table = answers.table(self._call, [obj], metadata)
        if not self._first:
            table["columnDefinitions"] = None
        self._first = False
        return _line(kind, table)


def _line(kind: str, obj: Any) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), orjson.dumps(obj))


class _Watch:
    """One watcher: what it wants, and how far it has come."""

    def __init__(
        self, core: Core, collection: Collection, matcher: Matcher, encoder: Encoder | None
    ) -> None:
        self._core = core
        self._collection = collection
        self._matcher = matcher
        self._encoder = encoder
        self._revision = 0
        self._items: Sequence[Stored] = ()
        self._initial: Iterator[bytes] = iter(())
        self._ready = asyncio.Event()
        self._over = False
        self._push: Push | None = None
        self._resting = False
        self._news: list[Event] = []

    def use(self, push: Push) -> None:
        """Take a shorter way for what happens while the caller has everything before it."""
        # What an encoder makes of an event may depend on what it was asked before.
        plain = self._encoder is None and self._collection.converter is None
        self._push = push if plain else None

    def begin_after(self, revision: int) -> None:
        """Begin with the changes after a revision."""
        self._revision = revision

    def begin_with_all(self, namespace: str, *, ends_marked: bool) -> None:
        """Begin with everything that exists now, as ADDED; what changes meanwhile comes after."""
        self._revision = self._core.store.revision
        items = self._core.store.select(self._collection.storage, namespace)
        self._items = items
        self._initial = self._encode_all(items, self._revision, ends_marked=ends_marked)

    def _encode_all(
        self, items: list[Stored], revision: int, *, ends_marked: bool
    ) -> Iterator[bytes]:
        for item in items:
            if self._matcher.matches(item):
                yield self._encode(ADDED, item)
        if ends_marked:
            yield self._bookmark(revision, annotations=_INITIAL_END)

    def _bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        """How far the watcher has come."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        kind = self._collection.kind
        obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if self._encoder is None:
            return _line("BOOKMARK", obj)
        return self._encoder("BOOKMARK", obj)

    def _line_of(self, event: Event) -> bytes:
        """What the watcher is told of an event; empty when it does not concern it."""
        current, previous = event.current, event.previous
        matcher = self._matcher
        matches = matcher.matches(current)
        matched = matches if matcher.is_stable or previous is None else matcher.matches(previous)
        if event.type == DELETED:
            return self._encode_event(event) if matched else b""
        if matches:
            if matched or previous is None:
                return self._encode_event(event)
            return self._encode(ADDED, current)
        if matched and previous is not None:
            return self._encode_left(previous, event.revision)
        return b""

    def _encode_event(self, event: Event) -> bytes:
        if self._encoder is None and event.current.raw.startswith(self._collection.prefix):
            return event.line
        return self._encode(event.type, event.current)

    def _encode_left(self, previous: Stored, revision: int) -> bytes:
        """What is no longer selected, as it was when it was."""
        if self._collection.converter is None:
            return self._encode(DELETED, _left(previous, revision))
        obj = versioned(self._collection, previous.fresh())
        obj["metadata"]["resourceVersion"] = str(revision)
        return (self._encoder or _line)(DELETED, obj)

    def _encode(self, kind: str, item: Stored) -> bytes:
        if self._encoder is None:
            text = text_of(self._collection, item)
            return b'{"type":"%s","object":%s}\n' % (kind.encode(), text)
        obj = item.object
        if not item.raw.startswith(self._collection.prefix):
            obj = versioned(self._collection, item.fresh())
        return self._encoder(kind, obj)

    def _wake(self, event: Event) -> None:
        if self._push is None or not self._resting or len(self._news) >= _MOST_PUSHED:
            self._ready.set()
            return
        if not self._news:
            # After the answer to the one who wrote: watchers may be many.
            asyncio.get_running_loop().call_soon(self._send_news)
        self._news.append(event)

    def _send_news(self) -> None:
        """Send what has happened past the task, which costs half; or leave it to the task."""
        news, self._news = self._news, []
        is_sent = False
        try:
            is_sent = self._resting and self._pushed(news)
        finally:
            if not is_sent:
                self._ready.set()

    def _pushed(self, news: Sequence[Event]) -> bool:
        # The task may have been here in between.
        unseen = [event for event in news if event.revision > self._revision]
        lines = b"".join([self._line_of(event) for event in unseen])
        if lines and (self._push is None or not self._push(lines)):
            return False
        self._revision = max(self._revision, news[-1].revision)
        return True

    async def _prepare(self, log: EventLog) -> bytes:
        """Have converted what is about to be sent, where others do that; answers what failed."""
        if self._collection.converter is None:
            return b""
        items, self._items = list(self._items), ()
        for event in log.since(self._revision):
            items.append(event.current)
            if event.previous is not None:
                items.append(event.previous)
        try:
            await conversion.prepare(self._collection, items)
        except ApiError as error:
            return _line("ERROR", problems.to_status(error))
        return b""

    def _end(self) -> None:
        self._over = True
        self._ready.set()

    def stream(self, log: EventLog, *, timeout: float, bookmarks: bool) -> AsyncIterator[bytes]:
        """Events until the time is up, the watcher leaves or falls behind."""
        # Following starts here and not with the first iteration: nothing may slip in between.
        leave = log.follow(self._wake, self._end)
        return self._stream(log, leave, timeout=timeout, bookmarks=bookmarks)

    async def _stream(
        self, log: EventLog, leave: Callable[[], None], *, timeout: float, bookmarks: bool
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        next_bookmark = loop.time() + _BOOKMARK_SECONDS * (1 - clock.jitter(0.2))
        timer = loop.call_at(min(end, next_bookmark) if bookmarks else end, self._ready.set)
        try:
            if failure := await self._prepare(log):
                yield failure
                return
            while chunk := self._next_initial():
                yield chunk
            # The head of the answer goes out even when there is nothing to say yet.
            yield b""
            while True:
                if failure := await self._prepare(log):
                    yield failure
                    return
                while chunk := self._next_news(log):
                    yield chunk
                now = loop.time() + _TICK_SECONDS
                if self._over or now >= end:
                    return
                if bookmarks and now >= next_bookmark:
                    next_bookmark = now + _BOOKMARK_SECONDS
                    timer = loop.call_at(min(end, next_bookmark), self._ready.set)
                    # All news are sent, and nothing else ran since.
                    self._revision = self._core.store.revision
                    yield self._bookmark(self._revision)
                self._resting = True
                await self._ready.wait()
                self._resting = False
        finally:
            self._resting = False
            timer.cancel()
            leave()

    def _next_initial(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        for line in self._initial:
            lines.append(line)
            size += len(line)
            if size >= _CHUNK_BYTES:
                break
        return b"".join(lines)

    def _next_news(self, log: EventLog) -> bytes:
        """The next lines; empty when there are none, or when history has left the watcher."""
        self._ready.clear()
        if self._revision < log.horizon:
            self._over = True
            return b""
        lines: list[bytes] = []
        size = 0
        for event in log.since(self._revision):
            self._revision = event.revision
            line = self._line_of(event)
            lines.append(line)
            size += len(line)
            if size >= _CHUNK_BYTES:
                break
        return b"".join(lines)


def _left(previous: Stored, revision: int) -> Stored:
    """The last state that a selection saw of an object, at the revision of its leaving."""
    obj = previous.fresh()
    obj["metadata"]["resourceVersion"] = str(revision)
    ordered = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **obj}
    return Stored(previous.key, revision, orjson.dumps(ordered), previous.labels)
