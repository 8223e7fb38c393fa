"""Answers that go on: one JSON value a line, until the values or the caller end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from choreo_local.apiclient import wire
from choreo_local.errors import ChoreoError

logger = logging.getLogger(__name__)


class LinesResponse(Response):
    """`application/x-ndjson` of values of `apiclient.types`.

    A caller who goes away ends the values even while none comes, so that nothing keeps following
    a log for nobody.
    """

    media_type = "application/x-ndjson"

    def __init__(self, values: AsyncGenerator[Any, None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.headers["Cache-Control"] = "no-cache"
        self.headers["X-Accel-Buffering"] = "no"
        self._values = values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        sending = asyncio.create_task(self._send(send), name=f"stream {scope['path']}")
        listening = asyncio.create_task(_gone(receive), name=f"caller of {scope['path']}")
        try:
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        try:
            async with aclosing(self._values) as values:
                async for value in values:
                    line = orjson.dumps(wire.to_json(value)) + b"\n"
                    await send({"type": "http.response.body", "body": line, "more_body": True})
        except ChoreoError as error:
            logger.warning("Stream ended early error=%s", error.message)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
