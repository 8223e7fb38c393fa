"""Threads with an event loop each."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from choreo_local.errors import WaitTimeoutError
from choreo_local.threads import LoopThread

SECONDS = 5


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    found = LoopThread("tested")
    found.start()
    yield found
    found.stop()


async def where() -> str:
    return threading.current_thread().name


def test_a_call_runs_in_the_thread(thread: LoopThread) -> None:
    assert thread.call(where(), timeout=SECONDS) == "tested"
    assert threading.current_thread().name != "tested"


def test_what_a_call_raises_comes_back(thread: LoopThread) -> None:
    async def fails() -> None:
        raise ValueError("the cause")

    with pytest.raises(ValueError, match="the cause"):
        thread.call(fails())


def test_a_call_that_takes_too_long_is_cancelled_and_named(thread: LoopThread) -> None:
    cancelled = threading.Event()

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(WaitTimeoutError, match='"tested" did not finish'):
        thread.call(hangs(), timeout=0.02)
    assert cancelled.wait(SECONDS)


def test_a_timeout_of_the_call_itself_is_passed_on(thread: LoopThread) -> None:
    async def gives_up() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        thread.call(gives_up(), timeout=SECONDS)


def test_a_death_in_the_background_is_told_and_logged_once(
    thread: LoopThread, caplog: pytest.LogCaptureFixture
) -> None:
    died: list[BaseException] = []
    told = threading.Event()

    async def dies() -> None:
        raise ValueError("the cause")

    def on_death(error: BaseException) -> None:
        died.append(error)
        told.set()

    thread.spawn(dies(), on_death=on_death)
    assert told.wait(SECONDS)
    thread.call(asyncio.sleep(0))
    gc.collect()

    assert [str(error) for error in died] == ["the cause"]
    assert [record.getMessage() for record in caplog.records] == ["Component died thread=tested"]


def test_stopping_cancels_what_runs_and_is_no_death(caplog: pytest.LogCaptureFixture) -> None:
    thread = LoopThread("tested")
    thread.start()
    started, ended = threading.Event(), threading.Event()
    died: list[BaseException] = []

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    thread.spawn(forever(), on_death=died.append)
    assert started.wait(SECONDS)
    thread.stop()

    assert ended.is_set()
    assert died == []
    assert thread.loop.is_closed()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_generators_that_were_left_are_closed() -> None:
    thread = LoopThread("tested")
    thread.start()
    closed = threading.Event()

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    found = numbers()

    async def first() -> int:
        return await anext(found)

    assert thread.call(first()) == 1
    thread.stop()

    assert closed.is_set()


def test_a_thread_may_be_stopped_twice_or_without_a_start() -> None:
    thread = LoopThread("tested")
    thread.stop()
    thread.stop()

    assert thread.loop.is_closed()


def test_without_uvloop_the_loop_of_python_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    thread = LoopThread("tested")
    thread.start()

    assert thread.call(where(), timeout=SECONDS) == "tested"
    assert type(thread.loop).__module__.startswith("asyncio")
    thread.stop()
