"""Threads with an event loop each: the cluster, the controllers and the APIs do not share one."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from choreo_local.errors import WaitTimeoutError

T = TypeVar("T")

logger = logging.getLogger(__name__)

_STOP_SECONDS = 10
_CANCEL_SECONDS = 5


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on every platform
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class LoopThread:
    """A thread that runs an event loop until it is stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.loop = _new_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
        """Run a coroutine in the thread's loop and wait for its result, from another thread.

        Raises WaitTimeoutError when it takes longer, and cancels it.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise WaitTimeoutError(
                f'the part "{self.name}" did not finish within {timeout:.0f} s'
            ) from None

    def spawn(
        self, coroutine: Coroutine[Any, Any, Any], *, on_death: Callable[[BaseException], None]
    ) -> None:
        """Run a coroutine in the background; `on_death` is told when it ends by an exception."""

        async def guarded() -> None:
            try:
                await coroutine
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                logger.exception("Component died thread=%s", self.name)
                on_death(error)
                raise

        asyncio.run_coroutine_threadsafe(guarded(), self.loop)

    def stop(self) -> None:
        """Cancel what still runs, end the loop and the thread."""
        if self._thread.is_alive():
            self.call(_cancel_all(), timeout=_STOP_SECONDS)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_STOP_SECONDS)
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


async def _cancel_all() -> None:
    own = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not own]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
    await asyncio.get_running_loop().shutdown_asyncgens()
