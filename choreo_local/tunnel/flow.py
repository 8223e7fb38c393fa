"""How much of a stream may be under way: each end lets the other send, and no more than it asked.

Only streams of our own kinds are held back like this; upstream's ends know no such thing.
"""

from __future__ import annotations

WINDOW_BYTES = 1 << 20


class SendWindow:
    """What may still be sent on a stream."""

    def __init__(self, size: int = WINDOW_BYTES) -> None:
        self._left = size

    @property
    def is_open(self) -> bool:
        """Whether another chunk may be sent; the last one may be larger than what is left."""
        return self._left > 0

    def sent(self, count: int) -> None:
        """So many bytes were sent."""
        self._left -= count

    def granted(self, count: int) -> None:
        """The other end took so many bytes away."""
        self._left += count


class ReceiveWindow:
    """What has been taken from a stream and not been told to its sender yet."""

    def __init__(self, size: int = WINDOW_BYTES) -> None:
        self._step = size // 2
        self._untold = 0

    def taken(self, count: int) -> int:
        """So many bytes were read; how many to grant now, 0 when it can wait."""
        self._untold += count
        if self._untold < self._step:
            return 0
        found, self._untold = self._untold, 0
        return found
