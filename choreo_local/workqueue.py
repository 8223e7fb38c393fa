"""A keyed, level-triggered, rate-limited work queue.

A key that is added many times while it waits is worked once; one that is added while it is being
worked is worked again afterwards, never twice at the same time. Failures come back with growing
delays. Every level-triggered loop of the platform stands on this.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY_SECONDS = 0.005
LONGEST_RETRY_SECONDS = 1000.0


class WorkQueue(Generic[K]):
    """Keys to look at. All methods must be called in one event loop."""

    def __init__(
        self,
        *,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
        longest_retry_seconds: float = LONGEST_RETRY_SECONDS,
    ) -> None:
        self._first_retry = first_retry_seconds
        self._longest_retry = longest_retry_seconds
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait, those of timers left out."""
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked; timers may be running."""
        return not self._ready and not self._working

    def add(self, key: K) -> None:
        """Look at `key` as soon as possible."""
        self._drop_timer(key)
        if key in self._working:
            self._again.add(key)
            return
        self._ready[key] = None
        self._wakeup.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Look at `key` after a while; the earliest of several times counts."""
        if key in self._ready or key in self._again:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        self._drop_timer(key)
        self._timers[key] = loop.call_later(seconds, self.add, key)

    def retry(self, key: K) -> float:
        """Look at `key` again after a delay that doubles with each failure; the delay chosen."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(self._first_retry * 2.0 ** min(failures, 60), self._longest_retry)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key is fine: its next failure starts with the shortest delay."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; `done` must follow."""
        while not self._ready:
            self._wakeup.clear()
            await self._wakeup.wait()
        key, _ = self._ready.popitem(last=False)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """The key was worked; if it was added meanwhile it is ready again."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _drop_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()


async def work(queue: WorkQueue[K], look_at: Callable[[K], Awaitable[None]]) -> None:
    """Work the keys of `queue` one after another until cancelled; run several for concurrency.

    `look_at` must deal with its own failures: an exception ends the worker.
    """
    while True:
        key = await queue.get()
        try:
            await look_at(key)
        finally:
            queue.done(key)
