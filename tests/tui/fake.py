"""A platform that answers from recorded values, and remembers what was asked of it.

It stands where `ApiClient` stands: everything from workers to screens runs for real above it. What
it does not do: judge requests, change the board after a write, delay answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from choreo_local.apiclient.types import (
    Board,
    BoardEvent,
    BoardReplaced,
    Cell,
    Change,
    Column,
    Details,
    Diagnosis,
    EventLine,
    InstanceStatus,
    LogLine,
    Memory,
    Plan,
    PlaneState,
    PodLine,
    Promotable,
    ReleaseLine,
    Row,
    Step,
)
from choreo_local.errors import ChoreoError

NOW = datetime(2026, 3, 1, 14, 2, 11, tzinfo=UTC)
CRASH = 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'
_DOMAIN = "openchoreoapis.localhost:19080"


def ago(**parts: int) -> str:
    """An RFC 3339 time before `NOW`."""
    return (NOW - timedelta(**parts)).strftime("%Y-%m-%dT%H:%M:%SZ")


def cell(component: str, environment: str, short: str, since: str, **fields: Any) -> Cell:
    """A cell with a release that is bound."""
    given: dict[str, Any] = {"state": "ready", "ready": 1, "desired": 1, **fields}
    return Cell(
        environment,
        release=f"{component}-{short}",
        short_release=short,
        since=since,
        url=f"http://{environment}-default.{_DOMAIN}/{component}",
        binding=f"{component}-{environment}",
        **given,
    )


COLUMNS = (
    Column("development", "Development"),
    Column("staging", "Staging"),
    Column("production", "Production", is_production=True),
)
GREETER = Row(
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
WEB = Row(
    "web",
    "shop",
    type="deployment/web-application",
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
WORKER = Row(
    "worker",
    "shop",
    promotable=(Promotable("development", "staging", "worker-02af1"),),
    cells=(
        cell(
            "worker",
            "development",
            "02af1",
            ago(seconds=8),
            state="failed",
            ready=0,
            reason="CrashLoopBackOff",
            message=CRASH,
        ),
        Cell("staging"),
        Cell("production"),
    ),
)
BOARD = Board("default", "shop", COLUMNS, (GREETER, WEB, WORKER))
STATUS = InstanceStatus(
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
DIFF = """--- a
+++ b
@@ -1,3 +1,3 @@
 spec:
-  image: greeter:1
+  image: greeter:2
"""
PLAN = Plan(
    "greeter",
    source="staging",
    target="production",
    release="greeter-7f3a2",
    current="greeter-51bc0",
    is_production=True,
    needs_confirmation="production",
    changes=(
        Change("deployment-greeter", "Deployment", "greeter", "changed", DIFF),
        Change("configmap-greeter", "ConfigMap", "greeter", "added", "+  key: value\n"),
    ),
    summary="1 added, 1 changed, 0 removed",
)
DETAILS = Details(
    component={"metadata": {"name": "greeter"}},
    binding={"spec": {"releaseName": "greeter-7f3a2"}},
    conditions=[
        {"type": "Ready", "status": "True", "reason": "Ready", "message": "All is well"},
        {"type": "ResourcesReady", "status": "False", "reason": "Degraded", "message": "No pod"},
    ],
    events=(EventLine("Warning", "BackOff", "restarting", 3, ago(seconds=9), "Pod/greeter-1"),),
    pods=(PodLine("greeter-6d9-x7k2p", "Running", "1/1", 2, "", ago(minutes=2)),),
    releases=(
        ReleaseLine("greeter-7f3a2", ago(minutes=3)),
        ReleaseLine("greeter-51bc0", ago(days=3)),
    ),
)
DIAGNOSIS = Diagnosis(
    ready=False,
    summary="The container main ends with exit code 1.",
    steps=(
        Step("ReleaseBinding/default/worker-development", "ResourcesDegraded", "pods crash"),
        Step("Pod/dp/worker-1", "CrashLoopBackOff", 'exit 1, "no DATABASE_URL"'),
    ),
    fix="Set DATABASE_URL in the workload's env",
)


def log_line(text: str, pod: str = "greeter-6d9-x7k2p") -> LogLine:
    """A line that a container wrote."""
    return LogLine("2026-03-01T14:02:10.123Z", pod, "main", text)


@dataclass
class FakePlatform:
    """Answers from its attributes; put events and lines into its queues.

    Attributes:
        calls: what was asked, writes and plans only.
        failures: method → the error it raises.
    """

    plan: Plan = PLAN
    details_: Details = DETAILS
    diagnosis: Diagnosis = DIAGNOSIS
    status_: InstanceStatus = STATUS
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    failures: dict[str, ChoreoError] = field(default_factory=dict)
    events: asyncio.Queue[BoardEvent | ChoreoError | None] = field(default_factory=asyncio.Queue)
    lines: asyncio.Queue[LogLine | ChoreoError | None] = field(default_factory=asyncio.Queue)

    async def status(self) -> InstanceStatus:
        return self.status_

    async def watch_board(
        self, namespace: str, *, project: str | None = None
    ) -> AsyncIterator[BoardEvent]:
        self.calls.append(("watch_board", {"namespace": namespace, "project": project}))
        while (event := await self.events.get()) is not None:
            if isinstance(event, ChoreoError):
                raise event
            yield event

    async def promotion_plan(
        self, namespace: str, component: str, *, to: str, release: str | None = None
    ) -> Plan:
        self._note("promotion_plan", component=component, to=to, release=release)
        return replace(self.plan, component=component, target=to)

    async def promote(
        self, namespace: str, component: str, *, to: str, release: str, expect_current: str | None
    ) -> Any:
        self._note(
            "promote", component=component, to=to, release=release, expect_current=expect_current
        )

    async def rollback_plan(self, namespace: str, component: str, *, environment: str) -> Plan:
        self._note("rollback_plan", component=component, environment=environment)
        return replace(self.plan, component=component, source=environment, target=environment)

    async def rollback(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        release: str,
        expect_current: str | None,
    ) -> Any:
        self._note(
            "rollback",
            component=component,
            environment=environment,
            release=release,
            expect_current=expect_current,
        )

    async def undeploy(self, namespace: str, component: str, *, environment: str) -> Any:
        self._note("undeploy", component=component, environment=environment)

    async def why(self, namespace: str, component: str, *, environment: str) -> Diagnosis:
        self._note("why", component=component, environment=environment)
        return self.diagnosis

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
        self._note("logs", component=component, environment=environment, previous=previous)
        while (line := await self.lines.get()) is not None:
            if isinstance(line, ChoreoError):
                raise line
            yield line

    async def details(self, namespace: str, component: str, *, environment: str) -> Details:
        self._note("details", component=component, environment=environment)
        return self.details_

    def _note(self, method: str, **arguments: Any) -> None:
        self.calls.append((method, arguments))
        if method in self.failures:
            raise self.failures[method]

    def called(self, method: str) -> list[Mapping[str, Any]]:
        """The arguments of each call of a method."""
        return [arguments for name, arguments in self.calls if name == method]


@dataclass
class FakeConnection:
    """A connection to a `FakePlatform`."""

    platform: FakePlatform
    instance: str = "default"
    renewals: int = 0

    async def client(self) -> FakePlatform:
        return self.platform

    async def renew(self) -> None:
        self.renewals += 1

    async def close(self) -> None:
        return


def told(board: Board = BOARD) -> BoardReplaced:
    """The first event of a watch."""
    return BoardReplaced(board)
