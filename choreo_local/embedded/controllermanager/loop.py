"""One control loop: keys from events, a look at each, back-off on failures."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from choreo_local.errors import ApiError, ConflictError, UnreachableError
from choreo_local.tasks import TaskGroup
from choreo_local.workqueue import WorkQueue, work

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

_LONGEST_RETRY_SECONDS = 60.0
_WORTH_TELLING_SECONDS = 0.3


class Loop(Generic[K]):
    """Looks at objects by their keys, each at most once at a time.

    Args:
        name: for logs, e.g. "deployment".
        look: the work for one key; it answers after how many seconds to look again, None when
            events suffice. Errors of the API are tried again with back-off.
        workers: how many objects may be looked at concurrently.
    """

    def __init__(
        self, name: str, look: Callable[[K], Awaitable[float | None]], *, workers: int = 4
    ) -> None:
        self.name = name
        self.queue: WorkQueue[K] = WorkQueue(longest_retry_seconds=_LONGEST_RETRY_SECONDS)
        self._look = look
        self._workers = workers

    def start(self, tasks: TaskGroup) -> None:
        """Work in the background until the group is stopped."""
        for number in range(self._workers):
            tasks.start(work(self.queue, self._guarded), name=f"{self.name} {number}")

    async def _guarded(self, key: K) -> None:
        try:
            again = await self._look(key)
        except ConflictError:
            # Somebody else was faster; the newer state is on its way to the cache.
            self.queue.retry(key)
        except (ApiError, UnreachableError) as error:
            delay = self.queue.retry(key)
            # The first tries mostly meet something that is just coming or going.
            level = logging.WARNING if delay >= _WORTH_TELLING_SECONDS else logging.DEBUG
            logger.log(
                level, "Look failed loop=%s object=%s again=%.1fs error=%s",
                self.name, key, delay, error,
            )  # fmt: skip
        except Exception:
            # Task guard: one odd object must not stop the loop for all others.
            self.queue.retry(key)
            logger.exception("Look failed loop=%s object=%s", self.name, key)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)
