"""The server for assistants, loaded when the first one calls: its libraries take a second."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from choreo_local.mcp.server import Assistants


class LateAssistants:
    """An ASGI app that becomes `mcp.server.Assistants` with its first request."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._app: Assistants | None = None

    async def stop(self) -> None:
        """End all sessions."""
        if self._app is not None:
            await self._app.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was authenticated."""
        app = await self._loaded()
        await app(scope, receive, send)

    async def _loaded(self) -> Assistants:
        async with self._lock:
            if self._app is None:
                # In a thread, for other requests to be served meanwhile.
                module = await asyncio.to_thread(importlib.import_module, "choreo_local.mcp.server")
                app: Assistants = module.Assistants()
                await app.start()
                self._app = app
            return self._app
