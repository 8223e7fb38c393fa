"""Things that are handed out under an unguessable name for a short while: codes, pending logins.

Requests for tokens are answered in threads, for secrets take time to check.
"""

from __future__ import annotations

import secrets
from threading import Lock
from typing import Generic, TypeVar

from choreo_local import clock

T = TypeVar("T")

_BYTES = 32


class Vault(Generic[T]):
    """Keeps things until they expire; the oldest go when there are too many.

    Args:
        seconds: how long a thing is kept.
        most: how many are kept at once.
    """

    def __init__(self, *, seconds: float, most: int = 1000) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[str, tuple[float, T]] = {}
        self._lock = Lock()

    def put(self, thing: T, *, name: str | None = None) -> str:
        """Keep a thing; the name under which it is found."""
        name = name or secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._forget()
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = (clock.unix() + self._seconds, thing)
        return name

    def find(self, name: str) -> T | None:
        """The thing of a name."""
        with self._lock:
            self._forget()
            found = self._kept.get(name)
        return found[1] if found else None

    def take(self, name: str) -> T | None:
        """The thing of a name, which nobody finds again; only one caller gets it."""
        with self._lock:
            self._forget()
            found = self._kept.pop(name, None)
        return found[1] if found else None

    def _forget(self) -> None:
        now = clock.unix()
        for name in [name for name, (until, _) in self._kept.items() if until <= now]:
            del self._kept[name]


class Attempts:
    """Counts failed attempts, and says when somebody must wait.

    Args:
        most: how many may fail within the time.
        seconds: the time.
    """

    def __init__(self, *, most: int = 5, seconds: float = 60) -> None:
        self._most = most
        self._seconds = seconds
        self._failed: dict[str, list[float]] = {}

    def wait_seconds(self, name: str) -> float:
        """How long `name` must wait; 0 when it may try."""
        now = clock.unix()
        recent = [moment for moment in self._failed.get(name, ()) if moment > now - self._seconds]
        if recent:
            self._failed[name] = recent
        else:
            self._failed.pop(name, None)
        return recent[0] + self._seconds - now if len(recent) >= self._most else 0.0

    def failed(self, name: str) -> None:
        """Remember a failure."""
        if len(self._failed) > 10_000:
            self._failed.clear()
        self._failed.setdefault(name, []).append(clock.unix())

    def succeeded(self, name: str) -> None:
        """Forget the failures of a name."""
        self._failed.pop(name, None)
