"""Calls from other threads into the gateway's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from choreo_local.errors import UnreachableError

T = TypeVar("T")


async def in_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in another loop, or in this one when that is it."""
    if asyncio.get_running_loop() is loop:
        return await coroutine
    if loop.is_closed():
        coroutine.close()
        raise UnreachableError("the cluster gateway has stopped")
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
