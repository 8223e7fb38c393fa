"""A platform of made-up values: what the picture in the README shows and the bench drives.

Nothing of it is ever shown to a user as if it were theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from choreo_local.apiclient import wire
from choreo_local.apiclient.client import ApiClient
from choreo_local.apiclient.transport import Call
from choreo_local.apiclient.types import (
    Board,
    BoardReplaced,
    Cell,
    Column,
    InstanceStatus,
    Memory,
    PlaneState,
    Promotable,
    Row,
    RowsChanged,
)
from choreo_local.errors import NotFoundError
from tui.connection import Platform
from tui.probing import Prober
from tui.state import Probe

NOW: Final = datetime(2026, 3, 1, 14, 2, 11, tzinfo=UTC)
COLUMNS: Final = (
    Column("development", "Development"),
    Column("staging", "Staging"),
    Column("production", "Production", is_production=True),
)


def ago(**parts: int) -> str:
    """An RFC 3339 time before `NOW`, from the parts of a timedelta."""
    return (NOW - timedelta(**parts)).strftime("%Y-%m-%dT%H:%M:%SZ")


def cell(component: str, environment: str, short: str, since: str, **fields: Any) -> Cell:
    """A cell with a release that is bound; ready with one pod unless said otherwise."""
    made = Cell(
        environment,
        state="ready",
        release=f"{component}-{short}",
        short_release=short,
        since=since,
        ready=1,
        desired=1,
        url=f"http://{environment}-default.openchoreoapis.localhost:19080/{component}",
        binding=f"{component}-{environment}",
    )
    return replace(made, **fields)


GREETER: Final = Row(
    "greeter",
    "shop",
    type="deployment/service",
    auto_deploy=True,
    latest_release="greeter-7f3a2",
    behind=2,
    promotable=(Promotable("staging", "production", "greeter-7f3a2"),),
    cells=(
        cell("greeter", "development", "7f3a2", ago(minutes=2), ready=2, desired=2),
        cell("greeter", "staging", "7f3a2", ago(minutes=1)),
        cell("greeter", "production", "51bc0", ago(days=3)),
    ),
)
WEB: Final = Row(
    "web",
    "shop",
    type="deployment/service",
    behind=1,
    promotable=(
        Promotable("development", "staging", "web-9c1d0", "development is not ready: rolling"),
    ),
    cells=(
        cell("web", "development", "9c1d0", ago(seconds=5), state="progressing", ready=0),
        cell("web", "staging", "51e77", ago(hours=1)),
        cell("web", "production", "51e77", ago(days=1)),
    ),
)
WORKER: Final = Row(
    "worker",
    "shop",
    type="deployment/worker",
    cells=(
        cell(
            "worker",
            "development",
            "02af1",
            ago(seconds=8),
            state="failed",
            ready=0,
            reason="CrashLoopBackOff",
            message='CrashLoopBackOff: exit 1, "no DATABASE_URL"',
            url="",
        ),
        Cell("staging"),
        Cell("production"),
    ),
)
BOARD: Final = Board("default", "shop", COLUMNS, (GREETER, WEB, WORKER))
STATUS: Final = InstanceStatus(
    "default",
    state="ready",
    driver="embedded",
    planes=tuple(
        PlaneState(plane, connected=True)
        for plane in ("control", "data", "workflow", "observability")
    ),
    memory=Memory(total_bytes=214_000_000),
    cpu_percent=1.0,
)


def large_board(components: int) -> Board:
    """A board of many components."""
    kinds = (GREETER, WEB, WORKER)
    rows = tuple(
        replace(kinds[number % len(kinds)], component=f"component-{number:05}")
        for number in range(components)
    )
    return replace(BOARD, rows=rows)


class DemoTransport:
    """Tells an `ApiClient` the board and then what is put into `events`; knows nothing else.

    Attributes:
        board: what is told first.
        events: what is told then.
    """

    def __init__(self, board: Board = BOARD) -> None:
        self.board = board
        self.events: asyncio.Queue[RowsChanged] = asyncio.Queue()

    async def request(self, call: Call) -> bytes:
        """The made-up status."""
        if not call.target.endswith("/status"):
            raise NotFoundError("this is a picture of the dashboard: no platform is behind it")
        return orjson.dumps(wire.to_json(STATUS))

    async def stream(self, call: Call) -> AsyncIterator[bytes]:
        """The board, then the events; of logs nothing."""
        if "/board?" not in call.target:
            return
        yield line({"type": "board", **wire.to_json(BoardReplaced(self.board))})
        while True:
            yield line({"type": "rows", **wire.to_json(await self.events.get())})

    async def close(self) -> None:
        """There is nothing to close."""


def line(content: Any) -> bytes:
    """A line of a stream."""
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


@dataclass
class DemoConnection:
    """A connection to a platform of made-up values."""

    transport: DemoTransport = field(default_factory=DemoTransport)
    instance: str = "default"

    async def client(self) -> Platform:
        """The platform."""
        return ApiClient("http://demo", travels=lambda *_, **__: self.transport)

    async def renew(self) -> None:
        """It never moves."""

    async def close(self) -> None:
        """There is nothing to close."""


class DemoProber(Prober):
    """Every URL answers."""

    async def ask(self, url: str) -> Probe:
        """As a service nearby does."""
        return Probe(status=200, milliseconds=3.0)
