"""One API for the tests of a module: starting one takes a second."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.apiserver.harness import Api, serve
from tests.services import harness


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    """The API over a control plane without controllers."""
    async with harness.control_plane("core") as platform, serve(platform) as found:
        yield found
