"""A platform of made-up values: what the picture in the README shows and the bench drives.

Nothing of it is ever shown to a user as if it were theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from choreo_local.apiclient.types import (
    Board,
    BoardEvent,
    BoardReplaced,
    Cell,
    Column,
    Details,
    Diagnosis,
    InstanceStatus,
    LogLine,
    Memory,
    Plan,
    PlaneState,
    Promotable,
    Row,
)
from choreo_local.errors import NotFoundError
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


@dataclass
class DemoPlatform:
    """Tells the board and then what is put into `events`; has nothing else to say."""

    board: Board = BOARD
    events: asyncio.Queue[BoardEvent] = field(default_factory=asyncio.Queue)

    async def status(self) -> InstanceStatus:
        """The made-up status."""
        return STATUS

    async def watch_board(
        self, namespace: str, *, project: str | None = None
    ) -> AsyncIterator[BoardEvent]:
        """The board, then the events."""
        yield BoardReplaced(self.board)
        while True:
            yield await self.events.get()

    async def promotion_plan(
        self, namespace: str, component: str, *, to: str, release: str | None = None
    ) -> Plan:
        """None."""
        raise _nothing()

    async def promote(
        self, namespace: str, component: str, *, to: str, release: str, expect_current: str | None
    ) -> Any:
        """None."""
        raise _nothing()

    async def rollback_plan(self, namespace: str, component: str, *, environment: str) -> Plan:
        """None."""
        raise _nothing()

    async def rollback(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        release: str,
        expect_current: str | None,
    ) -> Any:
        """None."""
        raise _nothing()

    async def undeploy(self, namespace: str, component: str, *, environment: str) -> Any:
        """None."""
        raise _nothing()

    async def why(self, namespace: str, component: str, *, environment: str) -> Diagnosis:
        """None."""
        raise _nothing()

    async def logs(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        previous: bool = False,
    ) -> AsyncIterator[LogLine]:
        """None."""
        lines: tuple[LogLine, ...] = ()
        for line in lines:
            yield line

    async def details(self, namespace: str, component: str, *, environment: str) -> Details:
        """None."""
        raise _nothing()


def _nothing() -> NotFoundError:
    return NotFoundError("this is a picture of the dashboard: there is no platform behind it")


@dataclass
class DemoConnection:
    """A connection to a `DemoPlatform`."""

    platform: DemoPlatform = field(default_factory=DemoPlatform)
    instance: str = "default"

    async def client(self) -> DemoPlatform:
        """The platform."""
        return self.platform

    async def renew(self) -> None:
        """It never moves."""

    async def close(self) -> None:
        """There is nothing to close."""


class DemoProber(Prober):
    """Every URL answers."""

    async def ask(self, url: str) -> Probe:
        """As a service nearby does."""
        return Probe(status=200, milliseconds=3.0)
