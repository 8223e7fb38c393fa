"""Wait for a condition; never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    read: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, seconds: float = 15
) -> T:
    """Read again and again until the condition holds; the value that did."""
    found = await read()
    async with asyncio.timeout(seconds):
        while not holds(found):
            await asyncio.sleep(0.01)
            found = await read()
    return found
