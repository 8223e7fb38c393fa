"""Links for pods to come: making one takes longer than all else that attaches a pod."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from choreo_local.errors import ChoreoError

logger = logging.getLogger(__name__)

_Spare = TypeVar("_Spare")
_COUNT = 2
# Whoever took one is being started: the processor is theirs first.
_REST_SECONDS = 0.1
_RETRY_SECONDS = 5.0


class Spares(Generic[_Spare]):
    """A small stock that is filled up in the background."""

    def __init__(self, make: Callable[[], Awaitable[_Spare]]) -> None:
        self._make = make
        self._stock: deque[_Spare] = deque()
        self._taken = asyncio.Event()

    def take(self) -> _Spare | None:
        """One of the stock; None when there is none."""
        self._taken.set()
        return self._stock.popleft() if self._stock else None

    def take_that(self, fits: Callable[[_Spare], bool]) -> _Spare | None:
        """The one of the stock that somebody needs; None when there is no such."""
        found = next(filter(fits, self._stock), None)
        if found is not None:
            self._stock.remove(found)
            self._taken.set()
        return found

    async def run(self) -> None:
        """Fill up whenever one is taken.

        Not earlier: what pods had before the instance started is theirs again.
        """
        while True:
            await self._taken.wait()
            await asyncio.sleep(_REST_SECONDS)
            self._taken.clear()
            try:
                while len(self._stock) < _COUNT:
                    self._stock.append(await self._make())
            except (OSError, ChoreoError) as error:
                logger.warning("No link made for pods to come error=%s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._taken.set()

    def drain(self) -> list[_Spare]:
        """The whole stock, to be removed."""
        found = list(self._stock)
        self._stock.clear()
        return found
