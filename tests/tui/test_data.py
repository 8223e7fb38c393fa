from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from textual.message import Message

from choreo_local.apiclient.types import Ping, RowsChanged
from choreo_local.errors import NotFoundError, UnreachableError
from tests.tui.fake import DETAILS, FakeConnection, FakePlatform, log_line
from tui import data, messages
from tui.data import Batches
from tui.demo import DemoProber
from tui.messages import Subject

M = TypeVar("M", bound=Message)
SUBJECT = Subject("default", "greeter", "staging")
AT_ONCE = (0.0,)


class Inbox:
    """Takes posted messages and lets a test wait for one."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()

    def __call__(self, message: Message) -> None:
        self._queue.put_nowait(message)

    async def next(self, kind: type[M]) -> M:
        async with asyncio.timeout(30):
            message = await self._queue.get()
        assert isinstance(message, kind), message
        return message


@asynccontextmanager
async def working(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_board_is_told_and_then_its_changes(platform: FakePlatform) -> None:
    inbox, connection = Inbox(), FakeConnection(platform)
    worker = data.follow_board(connection, inbox, namespace="default", project="shop")
    async with working(worker):
        first = await inbox.next(messages.BoardTold)
        assert [event.type for event in first.events] == ["board"]
        platform.events.put_nowait(RowsChanged())
        platform.events.put_nowait(Ping())
        second = await inbox.next(messages.BoardTold)
        assert [event.type for event in second.events] == ["rows", "ping"]
    assert platform.called("watch_board") == [{"namespace": "default", "project": "shop"}]


async def test_broken_watch_is_told_and_taken_up_again(platform: FakePlatform) -> None:
    inbox, connection = Inbox(), FakeConnection(platform)
    worker = data.follow_board(connection, inbox, namespace="default", project=None, pauses=AT_ONCE)
    async with working(worker):
        await inbox.next(messages.BoardTold)
        platform.events.put_nowait(UnreachableError("refused", remedy="choreo up"))
        lost = await inbox.next(messages.LinkLost)
        assert (lost.reason, lost.remedy) == ("refused", "choreo up")
        platform.events.put_nowait(RowsChanged())
        await inbox.next(messages.BoardTold)
    assert connection.renewals == 1, "the API may have moved"


async def test_watch_that_ends_quietly_is_taken_up_again(platform: FakePlatform) -> None:
    inbox = Inbox()
    worker = data.follow_board(
        FakeConnection(platform), inbox, namespace="default", project=None, pauses=AT_ONCE
    )
    async with working(worker):
        await inbox.next(messages.BoardTold)
        platform.events.put_nowait(None)
        assert (await inbox.next(messages.LinkLost)).reason == "the API ended the stream"


async def test_status_is_read_again_and_again(platform: FakePlatform) -> None:
    inbox = Inbox()
    async with working(data.follow_status(FakeConnection(platform), inbox, seconds=0)):
        for _ in range(3):
            assert (await inbox.next(messages.StatusRead)).status == platform.status_


async def test_status_that_cannot_be_had_is_asked_for_again(platform: FakePlatform) -> None:
    inbox = Inbox()
    platform.failures["status"] = UnreachableError("refused")
    async with working(data.follow_status(FakeConnection(platform), inbox, seconds=0)):
        async with asyncio.timeout(30):
            for _ in range(3):
                assert await platform.noted.get() == "status"
        del platform.failures["status"]
        await inbox.next(messages.StatusRead)


async def test_instance_that_is_gone_is_looked_for_until_it_is_back(
    platform: FakePlatform,
) -> None:
    inbox, connection = Inbox(), FakeConnection(platform)
    connection.renewal_error = UnreachableError("it does not run")
    platform.events.put_nowait(UnreachableError("refused"))
    worker = data.follow_board(connection, inbox, namespace="default", project=None, pauses=AT_ONCE)
    async with working(worker):
        await inbox.next(messages.BoardTold)
        await inbox.next(messages.LinkLost)
        platform.events.put_nowait(Ping())
        await inbox.next(messages.BoardTold)


async def test_url_is_asked_again_and_again() -> None:
    inbox = Inbox()
    worker = data.follow_url(DemoProber(), inbox, "http://x.localhost", after=0, seconds=0)
    async with working(worker):
        for _ in range(3):
            assert (await inbox.next(messages.Probed)).probe.status == 200


async def test_answer_is_told(platform: FakePlatform) -> None:
    inbox = Inbox()
    await data.answer(
        FakeConnection(platform),
        inbox,
        lambda client: client.details("default", "greeter", environment="staging"),
        lambda found: messages.DetailsRead(SUBJECT, found),
    )
    assert (await inbox.next(messages.DetailsRead)).details == DETAILS


async def test_failed_question_is_told(platform: FakePlatform) -> None:
    inbox, error = Inbox(), NotFoundError("no such component")
    platform.failures["details"] = error
    await data.answer(
        FakeConnection(platform),
        inbox,
        lambda client: client.details("default", "greeter", environment="staging"),
        lambda found: messages.DetailsRead(SUBJECT, found),
    )
    assert (await inbox.next(messages.Failed)).error is error


async def test_lines_come_in_batches(platform: FakePlatform) -> None:
    inbox = Inbox()
    for number in range(100):
        platform.lines.put_nowait(log_line(str(number)))
    worker = data.follow_logs(FakeConnection(platform), inbox, SUBJECT, previous=False)
    async with working(worker):
        first = await inbox.next(messages.LinesWritten)
        rest = await inbox.next(messages.LinesWritten)
    assert len(first.lines) + len(rest.lines) == 100


async def test_broken_log_is_taken_up_where_it_broke(platform: FakePlatform) -> None:
    inbox = Inbox()
    asked: list[tuple[int | None, str | None]] = []
    platform.on_logs = lambda tail, since: asked.append((tail, since))
    platform.lines.put_nowait(log_line("one"))
    worker = data.follow_logs(
        FakeConnection(platform), inbox, SUBJECT, previous=False, pauses=AT_ONCE
    )
    async with working(worker):
        await inbox.next(messages.LinesWritten)
        platform.lines.put_nowait(UnreachableError("gone"))
        paused = await inbox.next(messages.LinesPaused)
        assert (paused.reason, paused.is_over) == ("gone", False)
        platform.lines.put_nowait(log_line("two"))
        await inbox.next(messages.LinesWritten)
    assert asked == [(500, None), (None, "1s")]


async def test_lines_before_a_restart_end(platform: FakePlatform) -> None:
    inbox = Inbox()
    platform.lines.put_nowait(log_line("last words"))
    platform.lines.put_nowait(None)
    await data.follow_logs(FakeConnection(platform), inbox, SUBJECT, previous=True)
    await inbox.next(messages.LinesWritten)
    assert (await inbox.next(messages.LinesPaused)).is_over


async def test_batches_send_the_first_item_at_once_and_the_rest_together() -> None:
    sent: list[tuple[int, ...]] = []
    arrived = asyncio.Event()

    def send(items: tuple[int, ...]) -> None:
        sent.append(items)
        arrived.set()

    batches = Batches(send, seconds=0.01)
    for number in range(5):
        batches.add(number)
    assert sent == [(0,)]
    arrived.clear()
    async with asyncio.timeout(30):
        await arrived.wait()
    assert sent == [(0,), (1, 2, 3, 4)]


async def test_closed_batches_lose_nothing() -> None:
    sent: list[tuple[int, ...]] = []
    batches = Batches(sent.append, seconds=60)
    batches.add(1)
    batches.add(2)
    batches.close()
    assert sent == [(1,), (2,)]
