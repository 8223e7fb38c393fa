"""The workers: ask the API, follow its streams, post messages; never touch a widget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual.message import Message

from choreo_local.apiclient.types import BoardEvent, LogLine
from choreo_local.errors import ChoreoError
from tui import messages
from tui.connection import Connection, Platform
from tui.messages import Subject
from tui.probing import Prober

T = TypeVar("T")
Post = Callable[[Message], Any]

# Seconds between attempts to reach the API again; the last one repeats.
PAUSES: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 5.0)
_STATUS_EVERY = 3.0
# Each question is a line in the logs of whoever answers, so it is asked rarely; when the cell
# changes it is asked anew anyway.
_PROBE_EVERY = 60.0
# The cursor often only passes by.
_PROBE_AFTER = 0.25
_BATCH_SECONDS = 0.1
_LOG_TAIL = 500


class Batches(Generic[T]):
    """Hands items on, at once when it was quiet and otherwise at most ten times a second."""

    def __init__(
        self, send: Callable[[tuple[T, ...]], Any], *, seconds: float = _BATCH_SECONDS
    ) -> None:
        self._send = send
        self._seconds = seconds
        self._waiting: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, item: T) -> None:
        """Take an item."""
        self._waiting.append(item)
        if self._timer is None:
            self._flush()

    def close(self) -> None:
        """Hand on what waits, and stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._send(tuple(self._waiting))
            self._waiting.clear()

    def _flush(self) -> None:
        self._timer = None
        if self._waiting:
            self._send(tuple(self._waiting))
            self._waiting.clear()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._flush)


async def follow_board(
    connection: Connection,
    post: Post,
    *,
    namespace: str,
    project: str | None,
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Post what happens on the board, for ever; a broken stream is taken up again."""
    attempt = 0

    def told(events: tuple[BoardEvent, ...]) -> None:
        nonlocal attempt
        attempt = 0
        post(messages.BoardTold(events))

    while True:
        batches = Batches(told)
        try:
            client = await connection.client()
            async for event in client.watch_board(namespace, project=project):
                batches.add(event)
            lost = messages.LinkLost("the API ended the stream")
        except ChoreoError as error:
            lost = messages.LinkLost(error.message, error.remedy)
        finally:
            batches.close()
        post(lost)
        await asyncio.sleep(pauses[min(attempt, len(pauses) - 1)])
        attempt += 1
        await _renew(connection)


async def _renew(connection: Connection) -> None:
    try:
        await connection.renew()
    except ChoreoError:
        # The next attempt meets the same error and tells it.
        return


async def follow_status(
    connection: Connection, post: Post, *, seconds: float = _STATUS_EVERY
) -> None:
    """Post the platform's status again and again; silent while it cannot be had."""
    while True:
        try:
            client = await connection.client()
            post(messages.StatusRead(await client.status()))
        except ChoreoError:
            # The watch of the board says that the platform is gone, and why.
            pass
        await asyncio.sleep(seconds)


async def follow_url(
    prober: Prober,
    post: Post,
    url: str,
    *,
    after: float = _PROBE_AFTER,
    seconds: float = _PROBE_EVERY,
) -> None:
    """Post how a URL answers, again and again."""
    await asyncio.sleep(after)
    while True:
        post(messages.Probed(url, await prober.ask(url)))
        await asyncio.sleep(seconds)


async def answer(
    connection: Connection,
    post: Post,
    question: Callable[[Platform], Awaitable[T]],
    told: Callable[[T], Message],
) -> None:
    """Post the answer to one question, or that it failed."""
    try:
        found = await question(await connection.client())
    except ChoreoError as error:
        post(messages.Failed(error))
    else:
        post(told(found))


async def follow_logs(
    connection: Connection,
    post: Post,
    subject: Subject,
    *,
    previous: bool,
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Post what containers write; with `previous`, what they wrote before their last restart."""
    heard = _Heard()
    while True:
        reason = await _read_lines(connection, post, subject, heard, previous=previous)
        post(messages.LinesPaused(reason, is_over=previous))
        if previous:
            return
        await asyncio.sleep(pauses[min(heard.attempts, len(pauses) - 1)])
        heard.attempts += 1
        await _renew(connection)


@dataclass(slots=True)
class _Heard:
    """When the last line came, for the next attempt to begin there."""

    at: float | None = None
    attempts: int = 0

    @property
    def since(self) -> str | None:
        if self.at is None:
            return None
        return f"{int(asyncio.get_running_loop().time() - self.at) + 1}s"


async def _read_lines(
    connection: Connection, post: Post, subject: Subject, heard: _Heard, *, previous: bool
) -> str:
    """Post lines until they end; why they ended."""

    def told(lines: tuple[LogLine, ...]) -> None:
        heard.at, heard.attempts = asyncio.get_running_loop().time(), 0
        post(messages.LinesWritten(lines))

    batches = Batches(told)
    try:
        client = await connection.client()
        async for line in client.logs(
            subject.namespace,
            subject.component,
            environment=subject.environment,
            follow=not previous,
            tail=_LOG_TAIL if heard.at is None else None,
            since=heard.since,
            previous=previous,
        ):
            batches.add(line)
    except ChoreoError as error:
        return error.message
    finally:
        batches.close()
    return "the containers wrote no more before their last restart" if previous else "end of lines"
