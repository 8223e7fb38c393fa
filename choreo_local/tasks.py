"""Guarded background tasks: every one has a name, its death is logged, and all stop in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class TaskGroup:
    """The background tasks of one component.

    Tasks are expected to run until cancelled. One that ends by an exception is logged and kept in
    `failures`, so that a health check can tell.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures: dict[str, BaseException] = {}
        self._tasks: dict[asyncio.Task[Any], str] = {}

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run `coroutine` in the background of the current loop."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}/{name}")
        self._tasks[task] = name
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        name = self._tasks.pop(task, task.get_name())
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.failures[name] = error
            logger.error("Background task died task=%s/%s", self.name, name, exc_info=error)

    async def stop(self) -> None:
        """Cancel all tasks, newest first, and wait until they have ended."""
        for task in reversed(list(self._tasks)):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
