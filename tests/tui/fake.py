"""A platform that answers from recorded values, and remembers what was asked of it.

It stands where `ApiClient` stands: everything from workers to screens runs for real above it. What
it does not do: judge requests, change the board after a write, delay answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from choreo_local.apiclient.types import (
    Board,
    BoardEvent,
    BoardReplaced,
    Change,
    Details,
    Diagnosis,
    EventLine,
    InstanceStatus,
    LogLine,
    Plan,
    PodLine,
    ReleaseLine,
    Step,
)
from choreo_local.errors import ChoreoError
from tui.demo import BOARD, STATUS, ago

CRASH = 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'
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
        noted: the names of calls, as they come.
        on_logs: told how far back each request for lines goes.
    """

    plan: Plan = PLAN
    details_: Details = DETAILS
    diagnosis: Diagnosis = DIAGNOSIS
    status_: InstanceStatus = STATUS
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    noted: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    failures: dict[str, Exception] = field(default_factory=dict)
    on_logs: Callable[[int | None, str | None], object] = lambda tail, since: None
    events: asyncio.Queue[BoardEvent | ChoreoError | None] = field(default_factory=asyncio.Queue)
    lines: asyncio.Queue[LogLine | ChoreoError | None] = field(default_factory=asyncio.Queue)

    @classmethod
    def with_board(cls, board: Board = BOARD) -> Self:
        """A platform that tells a board as soon as somebody watches."""
        platform = cls()
        platform.events.put_nowait(BoardReplaced(board))
        return platform

    async def status(self) -> InstanceStatus:
        self._note("status")
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
        self.on_logs(tail, since)
        while (line := await self.lines.get()) is not None:
            if isinstance(line, ChoreoError):
                raise line
            yield line

    async def details(self, namespace: str, component: str, *, environment: str) -> Details:
        self._note("details", component=component, environment=environment)
        return self.details_

    def _note(self, method: str, **arguments: Any) -> None:
        self.calls.append((method, arguments))
        self.noted.put_nowait(method)
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
    renewal_error: ChoreoError | None = None

    async def client(self) -> FakePlatform:
        return self.platform

    async def renew(self) -> None:
        self.renewals += 1
        if self.renewal_error is not None:
            raise self.renewal_error

    async def close(self) -> None:
        return
