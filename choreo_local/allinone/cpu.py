"""How much of a processor a process takes: over its last seconds, however often somebody asks."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import psutil

_EVERY_SECONDS = 5.0
_KEPT = 3
# A shorter time measures hardly more than the question itself.
_LEAST_SECONDS = 0.5


class CpuMeter:
    """Keeps a few samples of the processor time that was used.

    Args:
        used: seconds of processor time until now.
        now: seconds of a clock that only goes forward.
    """

    def __init__(
        self, used: Callable[[], float], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._used = used
        self._now = now
        self._samples: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def sample(self) -> None:
        """Keep what has been used until now."""
        self._samples.append((self._now(), self._used()))

    def percent(self) -> float:
        """Use since the oldest sample, in percent of one processor."""
        if not self._samples:
            return 0.0
        then, before = self._samples[0]
        elapsed = self._now() - then
        if elapsed < _LEAST_SECONDS:
            return 0.0
        return round(100 * (self._used() - before) / elapsed, 1)

    async def run(self) -> None:
        """Take samples until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(_EVERY_SECONDS)


def of_this_process() -> CpuMeter:
    """The meter of the running process."""
    process = psutil.Process()

    def used() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    return CpuMeter(used)
