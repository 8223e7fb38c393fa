"""Commands against the API of a real control plane, as its owner and as others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from choreo_local.threads import LoopThread
from tests.apiserver.harness import TOKEN, serve, token_of
from tests.cli.conftest import Choreo, Printed
from tests.services import harness

_SECONDS = 60


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the API answers; it runs in a thread, for commands bring a loop of their own."""
    thread, stack = LoopThread("api of tests"), AsyncExitStack()

    async def start() -> str:
        platform = await stack.enter_async_context(harness.control_plane("core"))
        return (await stack.enter_async_context(serve(platform))).url

    thread.start()
    try:
        yield thread.call(start(), timeout=_SECONDS)
    finally:
        thread.call(stack.aclose(), timeout=_SECONDS)
        thread.stop()


@pytest.fixture
def owner(choreo: Choreo, url: str, monkeypatch: pytest.MonkeyPatch) -> Choreo:
    """The command of the instance's owner."""
    return _signed_in(choreo, url, TOKEN, monkeypatch)


@pytest.fixture
def developer(choreo: Choreo, url: str, monkeypatch: pytest.MonkeyPatch) -> Choreo:
    """The command of somebody in the group of developers."""
    return _signed_in(choreo, url, token_of("developers"), monkeypatch)


def _signed_in(choreo: Choreo, url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Choreo:
    def run(*arguments: str) -> Printed:
        monkeypatch.setenv("CHOREO_API_URL", url)
        monkeypatch.setenv("CHOREO_TOKEN", token)
        return choreo(*arguments)

    return run
