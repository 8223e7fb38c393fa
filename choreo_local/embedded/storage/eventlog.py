"""Watch history: the latest events of each resource, and who follows them.

The store appends, the watch responses of the kube API subscribe and replay. An event is serialised
once, however many watchers it goes to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import orjson

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

    __slots__ = ("_line", "current", "previous", "revision", "type")

    def __init__(self, kind: str, current: Stored, previous: Stored | None) -> None:
        self.revision = current.revision
        self.type = kind
        self.current = current
        self.previous = previous
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The event as a watch sends it, with the newline."""
        if self._line is None:
            self._line = b'{"type":"%s","object":%s}\n' % (self.type.encode(), self.current.raw)
        return self._line


Follower = Callable[[Event], None]
OnEnd = Callable[[], None]


class EventLog:
    """The latest events of one resource.

    Args:
        horizon: changes at or before this revision are not known.
        capacity: how many events are kept.
    """

    def __init__(self, *, horizon: int, capacity: int) -> None:
        self.horizon = horizon
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._followers: dict[Follower, OnEnd | None] = {}

    def append(self, event: Event) -> None:
        """Remember an event and pass it on; the oldest goes when the log is full."""
        self._events.append(event)
        if len(self._events) > self._capacity:
            self.horizon = self._events.popleft().revision
        for follow in tuple(self._followers):
            follow(event)

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
            self._events.popleft()
        self.horizon = max(self.horizon, revision)
