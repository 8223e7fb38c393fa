"""watch: a stream of events from a revision on.

The store's event log calls `_Watch.push` for each change; the response iterator sends what has
gathered. A watcher that reads too slowly is cut off, and lists anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.embedded.kubeapi import answers, problems, tables
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.matching import Matcher, build_matcher
from choreo_local.embedded.kubeapi.messages import StreamingResponse
from choreo_local.embedded.kubeapi.options import ListOptions, parse_revision, read_list
from choreo_local.embedded.kubeapi.reading import text_of, versioned
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import ADDED, DELETED, Event, EventLog, Stored
from choreo_local.errors import ApiError, ExpiredError

# kopf gives a silent watch up after 70 s.
_BOOKMARK_SECONDS = 30.0
_DEFAULT_SECONDS = 1800.0
_MAX_PENDING_BYTES = 64 * 1024 * 1024
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


async def watch(core: Core, call: Call) -> StreamingResponse:
    """The answer to a watch request."""
    options = read_list(call.request, watch=True)
    matcher = build_matcher(call, options)
    revision = _start(options)
    if options.send_initial_events is False and not revision:
        revision = core.store.revision
    log = core.store.log(call.collection.storage)
    encoder = _encoder(call)
    watcher = _Watch(core, call.collection, matcher, encoder)
    if _wants_initial(options):
        watcher.send_initial(call.namespace)
        if options.send_initial_events and options.allow_bookmarks:
            watcher.send_bookmark(annotations=_INITIAL_END)
    elif revision < log.horizon:
        watcher.send_error(ExpiredError(f"too old resource version: {revision} ({log.horizon})"))
        return StreamingResponse(200, watcher.finite())
    else:
        for event in log.since(revision):
            watcher.push(event)
    timeout = float(options.timeout_seconds or _DEFAULT_SECONDS * (1 + clock.jitter(1)))
    stream = watcher.stream(log, timeout=timeout, bookmarks=options.allow_bookmarks)
    return StreamingResponse(200, stream, headers=[("Cache-Control", "no-cache, private")])


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
    """One watcher: what it wants, and what it has not been sent yet."""

    def __init__(
        self, core: Core, collection: Collection, matcher: Matcher, encoder: Encoder | None
    ) -> None:
        self._core = core
        self._collection = collection
        self._matcher = matcher
        self._encoder = encoder
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._ready = asyncio.Event()
        self._over = False

    def _send(self, line: bytes) -> None:
        self._pending.append(line)
        self._pending_bytes += len(line)
        if self._pending_bytes > _MAX_PENDING_BYTES:
            self._over = True
        self._ready.set()

    def send_initial(self, namespace: str) -> None:
        """Everything that exists, as ADDED."""
        for item in self._core.store.select(self._collection.storage, namespace):
            if self._matcher.matches(item):
                self._send(self._encode(ADDED, item))

    def send_bookmark(self, annotations: dict[str, str] | None = None) -> None:
        """How far the watcher has come."""
        metadata: dict[str, Any] = {"resourceVersion": str(self._core.store.revision)}
        if annotations:
            metadata["annotations"] = annotations
        kind = self._collection.kind
        obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        self._send(
            _line("BOOKMARK", obj) if self._encoder is None else self._encoder("BOOKMARK", obj)
        )

    def send_error(self, error: ApiError) -> None:
        """The last event of a watch that cannot go on."""
        self._send(_line("ERROR", problems.to_status(error)))

    def push(self, event: Event) -> None:
        """Take an event of the log."""
        current, previous = event.current, event.previous
        matcher = self._matcher
        matches = matcher.matches(current)
        matched = matches if matcher.is_stable or previous is None else matcher.matches(previous)
        if event.type == DELETED:
            if matched:
                self._send(self._encode_event(event))
        elif matches:
            if matched or previous is None:
                self._send(self._encode_event(event))
            else:
                self._send(self._encode(ADDED, current))
        elif matched and previous is not None:
            self._send(self._encode(DELETED, _left(previous, event.revision)))

    def _encode_event(self, event: Event) -> bytes:
        if self._encoder is None and event.current.raw.startswith(self._collection.prefix):
            return event.line
        return self._encode(event.type, event.current)

    def _encode(self, kind: str, item: Stored) -> bytes:
        if self._encoder is None:
            text = text_of(self._collection, item)
            return b'{"type":"%s","object":%s}\n' % (kind.encode(), text)
        obj = item.object
        if not item.raw.startswith(self._collection.prefix):
            obj = versioned(self._collection, item.fresh())
        return self._encoder(kind, obj)

    def _end(self) -> None:
        self._over = True
        self._ready.set()

    def _take(self) -> bytes:
        chunk = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        self._ready.clear()
        return chunk

    async def finite(self) -> AsyncIterator[bytes]:
        """What there is, and no more."""
        yield self._take()

    def stream(self, log: EventLog, *, timeout: float, bookmarks: bool) -> AsyncIterator[bytes]:
        """Events until the time is up, the watcher leaves or falls behind."""
        # Following starts here and not with the first iteration: nothing may slip in between.
        leave = log.follow(self.push, self._end)
        return self._stream(leave, timeout=timeout, bookmarks=bookmarks)

    async def _stream(
        self, leave: Callable[[], None], *, timeout: float, bookmarks: bool
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        next_bookmark = loop.time() + _BOOKMARK_SECONDS * (1 - clock.jitter(0.2))
        try:
            # The head of the answer goes out even when there is nothing to say yet.
            yield self._take()
            while not self._over:
                limit = min(end, next_bookmark) if bookmarks else end
                await self._wait(limit - loop.time())
                if self._pending:
                    yield self._take()
                if loop.time() >= end:
                    return
                if bookmarks and loop.time() >= next_bookmark:
                    next_bookmark = loop.time() + _BOOKMARK_SECONDS
                    self.send_bookmark()
        finally:
            leave()

    async def _wait(self, seconds: float) -> None:
        if self._ready.is_set() or seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        # Cheaper than wait_for: no task, one timer.
        timer = loop.call_later(seconds, self._ready.set)
        try:
            await self._ready.wait()
        finally:
            timer.cancel()
        if not self._pending and not self._over:
            self._ready.clear()


def _left(previous: Stored, revision: int) -> Stored:
    """The last state that a selection saw of an object, at the revision of its leaving."""
    obj = previous.fresh()
    obj["metadata"]["resourceVersion"] = str(revision)
    ordered = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **obj}
    return Stored(previous.key, revision, orjson.dumps(ordered), previous.labels)
