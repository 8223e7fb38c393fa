"""How long to wait before something is tried again: doubling, bounded, forgotten in time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class _Entry:
    delay: timedelta
    updated_at: datetime


@dataclass(slots=True)
class BackOff:
    """Delays by key, as the kubelet keeps them for crashing containers and failing pulls.

    The first failure is tried again at once; then `initial` must pass, doubling up to `maximum`.
    A key that was quiet for twice `maximum` starts over.
    """

    initial: timedelta = timedelta(seconds=10)
    maximum: timedelta = timedelta(seconds=300)
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def delay(self, key: str) -> timedelta:
        """The delay in force."""
        entry = self._entries.get(key)
        return entry.delay if entry else timedelta(0)

    def remaining(self, key: str, *, failed_at: datetime, now: datetime) -> timedelta:
        """What is left to wait after a failure at `failed_at`; zero when it may be tried."""
        entry = self._entries.get(key)
        if entry is None or self._has_expired(entry, failed_at):
            return timedelta(0)
        return max(timedelta(0), failed_at + entry.delay - now)

    def advance(self, key: str, *, failed_at: datetime, now: datetime) -> None:
        """Note that it is tried again: the next failure has to wait longer."""
        entry = self._entries.get(key)
        if entry is None or self._has_expired(entry, failed_at):
            self._entries[key] = _Entry(self.initial, now)
        else:
            self._entries[key] = _Entry(min(entry.delay * 2, self.maximum), now)

    def forget(self, prefix: str) -> None:
        """Drop all keys that begin with `prefix`."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]

    def _has_expired(self, entry: _Entry, failed_at: datetime) -> bool:
        return failed_at - entry.updated_at > 2 * self.maximum
