"""Watch history: the latest events of each resource, and who follows them.

The store appends, the watch responses of the kube API follow. A watcher keeps no events of its
own: it reads on from where it was, and has lost the thread once that is behind the horizon. So
history has one bound, however many watchers there are and however slowly they read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

# What an event takes beside the texts: the event, the states and their keys.
_EVENT_BYTES = 500

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


class Stored:
    """One object at one revision.

    The JSON text is the primary form: lists join it, reads send it. `object` is parsed when first
    asked for, shared by all who ask, and must not be changed; `fresh` gives a copy that may be.
    """

    __slots__ = ("_object", "key", "labels", "raw", "revision")

    def __init__(
        self, key: str, revision: int, raw: bytes, labels: dict[str, str] | None = None
    ) -> None:
        self.key = key
        self.revision = revision
        self.raw = raw
        self.labels = labels
        self._object: dict[str, Any] | None = None

    @property
    def object(self) -> dict[str, Any]:
        """The parsed object; shared, read only."""
        if self._object is None:
            self._object = orjson.loads(self.raw)
        return self._object

    def fresh(self) -> dict[str, Any]:
        """A parsed copy of one's own."""
        parsed: dict[str, Any] = orjson.loads(self.raw)
        return parsed

    @property
    def namespace(self) -> str:
        """The namespace, empty for cluster-scoped objects."""
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The name of the object."""
        return self.key.rpartition("/")[2]


class Event:
    """One change of one object.

    Attributes:
        revision: of the change.
        type: ADDED, MODIFIED or DELETED.
        current: the new state; for DELETED the last state, with the revision of the deletion.
        previous: the state before, None for ADDED.
    """

    __slots__ = ("current", "moment", "previous", "revision", "type")

    def __init__(self, kind: str, current: Stored, previous: Stored | None) -> None:
        self.revision = current.revision
        self.type = kind
        self.current = current
        self.previous = previous
        self.moment = time.monotonic()

    @property
    def line(self) -> bytes:
        """The event as a watch sends it, with the newline."""
        return b'{"type":"%s","object":%s}\n' % (self.type.encode(), self.current.raw)

    @property
    def size(self) -> int:
        """About how many bytes the event keeps in memory."""
        previous = len(self.previous.raw) if self.previous is not None else 0
        return _EVENT_BYTES + len(self.current.raw) + previous


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history of a resource is kept; the oldest goes when any bound is passed.

    Attributes:
        seconds: etcd compacts every five minutes, so clients can count on at least that.
        size: bytes, counting old and new states.
    """

    seconds: float = 600.0
    size: int = 32 * 1024 * 1024


Follower = Callable[[Event], None]
OnEnd = Callable[[], None]


class EventLog:
    """The latest events of one resource.

    Args:
        horizon: changes at or before this revision are not known.
        retention: how much is kept.
    """

    def __init__(self, *, horizon: int, retention: Retention) -> None:
        self.horizon = horizon
        self._events: deque[Event] = deque()
        self._size = 0
        self._retention = retention
        self._followers: dict[Follower, OnEnd | None] = {}

    def append(self, event: Event) -> None:
        """Remember an event and pass it on; the oldest go when there are too many."""
        self._events.append(event)
        self._size += event.size
        if self._size > self._retention.size:
            self._forget_excess()
        self.forget_old(event.moment)
        for follow in tuple(self._followers):
            follow(event)

    def _forget_excess(self) -> None:
        while self._size > self._retention.size:
            self._forget_oldest()

    def forget_old(self, moment: float) -> None:
        """Forget what is older than it need be at a moment of the monotonic clock."""
        limit = moment - self._retention.seconds
        while self._events and self._events[0].moment < limit:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._events.popleft()
        self._size -= oldest.size
        self.horizon = oldest.revision

    def follow(self, follower: Follower, on_end: OnEnd | None = None) -> Callable[[], None]:
        """Call `follower` for each event from now on; the answer ends that.

        Args:
            follower: gets the events.
            on_end: called when the resource is no longer served.
        """
        self._followers[follower] = on_end

        def leave() -> None:
            self._followers.pop(follower, None)

        return leave

    def end(self) -> None:
        """Send all followers away: the resource is no longer served."""
        followers, self._followers = self._followers, {}
        for on_end in followers.values():
            if on_end is not None:
                on_end()

    def since(self, revision: int) -> Iterator[Event]:
        """The events after `revision`, oldest first; check `horizon` before."""
        if self._events and self._events[0].revision > revision:
            return iter(tuple(self._events))
        newer = []
        for event in reversed(self._events):
            if event.revision <= revision:
                break
            newer.append(event)
        return reversed(newer)

    def compact(self, revision: int) -> None:
        """Forget the events up to `revision`."""
        while self._events and self._events[0].revision <= revision:
            self._forget_oldest()
        self.horizon = max(self.horizon, revision)
