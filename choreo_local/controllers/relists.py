"""Finds out what vanished while a watch was broken; used by the operator.

kopf resumes a broken watch, and lists the kind anew when the server has forgotten what happened
meanwhile. Then it tells of what is there, and of nothing that is not there any more.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace

import aiohttp

from choreo_local import logs
from choreo_local.controllers.runtime import Runtime
from choreo_local.errors import ChoreoError
from choreo_local.workqueue import WorkQueue, work

logger = logging.getLogger(__name__)

_LONGEST_RETRY_SECONDS = 10.0


class Relists:
    """Has the caches of a kind compared with the server after each list but the first.

    Args:
        runtime: whose caches are compared.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._paths = {kind.path(): kind.kind for kind in runtime.kinds.values()}
        self._listed: set[str] = set()
        self._queue: WorkQueue[str] = WorkQueue(longest_retry_seconds=_LONGEST_RETRY_SECONDS)

    def tracing(self) -> aiohttp.TraceConfig:
        """For the session through which kopf lists: nothing else shows that it does."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._answered)
        config.freeze()
        return config

    async def run(self) -> None:
        """Compare until cancelled."""
        await work(self._queue, self._compare)

    def close(self) -> None:
        """Stop all timers."""
        self._queue.close()

    async def _answered(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        del session, context
        path, query = params.url.path, params.url.query
        kind = next((kind for end, kind in self._paths.items() if path.endswith(end)), None)
        if kind is None or "watch" in query or "continue" in query:
            return
        if kind in self._listed:
            self._queue.add(kind)
        self._listed.add(kind)

    async def _compare(self, kind: str) -> None:
        try:
            await self._runtime.forget_missing(kind)
        except ChoreoError as error:
            delay = self._queue.retry(kind)
            logs.for_object(logger, kind=kind).warning(
                "Cannot compare a cache with the server",
                details={"error": error.message, "retrySeconds": delay},
            )
        else:
            self._queue.forget(kind)
