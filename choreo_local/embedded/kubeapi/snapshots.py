"""A consistent copy of the store over HTTP, while it is in use; for `choreo snapshot`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.messages import Request, StreamingResponse
from choreo_local.embedded.storage.store import Store

# Like every path that is no resource, open to who may GET it: administrators.
PATH = "/snapshot"
_CONTENT_TYPE = "application/vnd.sqlite3"
_CHUNK_BYTES = 1 << 20
_PATIENCE_SECONDS = 60.0


async def answer(store: Store, request: Request) -> StreamingResponse:
    """The database as a file."""
    if request.method != "GET":
        raise problems.method_not_allowed()
    folder = tempfile.TemporaryDirectory(prefix="choreo-snapshot-")
    file = Path(folder.name) / "kube.db"
    try:
        await asyncio.to_thread(store.back_up, file)
    except BaseException:
        folder.cleanup()
        raise
    return StreamingResponse(
        200, _chunks(folder, file), _CONTENT_TYPE, patience_seconds=_PATIENCE_SECONDS
    )


async def _chunks(folder: tempfile.TemporaryDirectory[str], file: Path) -> AsyncIterator[bytes]:
    with folder, file.open("rb") as source:
        while chunk := await asyncio.to_thread(source.read, _CHUNK_BYTES):
            yield chunk
