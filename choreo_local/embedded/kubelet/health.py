"""Keeps asking the probes of one running attempt at a container, and knows what they add up to."""

from __future__ import annotations

from collections.abc import Callable

from choreo_local import clock
from choreo_local.embedded.kubelet import checks, podspec
from choreo_local.embedded.kubelet.checks import Target
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.probes import Answer, ProbeKind, Prober, Schedule
from choreo_local.embedded.kubelet.records import ContainerRecord
from choreo_local.embedded.kubelet.runtime import StartError
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.tasks import TaskGroup


class Health:
    """What the probes of one attempt say.

    Attributes:
        is_started: the startup probe has succeeded, or there is none.
        is_ready: started, and the readiness probe succeeds or there is none.
        failure: why the container must be restarted; empty when it need not.
    """

    def __init__(
        self, tools: Tools, target: Target, record: ContainerRecord, on_change: Callable[[], None]
    ) -> None:
        self._tools = tools
        self._target = target
        self._record = record
        self._on_change = on_change
        self._tasks = TaskGroup(f"probes-{record.name}")
        self.is_started = not self._has(ProbeKind.STARTUP)
        self._passes_readiness = not self._has(ProbeKind.READINESS)
        self.failure = ""
        self.failed_probe: ProbeKind | None = None
        if self.is_started:
            self._begin_steady()
        else:
            self._begin(ProbeKind.STARTUP)

    @property
    def attempt(self) -> int:
        """Which attempt is being asked."""
        return self._record.attempt

    @property
    def is_ready(self) -> bool:
        """Whether traffic may come."""
        return self.is_started and self._passes_readiness

    def grace_seconds(self, pod: Manifest) -> float:
        """How long the container may take to end after a failed probe."""
        if self.failed_probe is not None:
            probe = self._target.container[self.failed_probe.field]
            if probe.get("terminationGracePeriodSeconds") is not None:
                return float(probe["terminationGracePeriodSeconds"])
        return podspec.grace_seconds(pod)

    async def stop(self) -> None:
        """Stop asking."""
        await self._tasks.stop()

    def _has(self, kind: ProbeKind) -> bool:
        return bool(self._target.container.get(kind.field)) and not self._tools.runtime.pretends

    def _begin_steady(self) -> None:
        for kind in (ProbeKind.READINESS, ProbeKind.LIVENESS):
            if self._has(kind):
                self._begin(kind)

    def _begin(self, kind: ProbeKind) -> None:
        prober = Prober(
            Schedule.of(self._target.container[kind.field]),
            lambda: self._ask(kind),
            on_verdict=lambda verdict, message: self._conclude(kind, message, verdict=verdict),
            on_failure=lambda message: self._warn(kind, message),
            # A liveness probe only ever takes something away: there is nothing to find early.
            is_eager=kind is not ProbeKind.LIVENESS,
        )
        started_at = self._record.started_at or clock.now()
        self._tasks.start(prober.run(started_at), name=kind.value)

    async def _ask(self, kind: ProbeKind) -> Answer:
        try:
            return await self._tools.checker.ask(self._target.container[kind.field], self._target)
        except StartError as error:
            return Answer(success=False, message=error.message)

    def _conclude(self, kind: ProbeKind, message: str, *, verdict: bool) -> None:
        if kind is ProbeKind.READINESS:
            self._passes_readiness = verdict
        elif not verdict:
            self.failed_probe = kind
            name = self._record.name
            self.failure = f"Container {name} failed {kind.value.lower()} probe, will be restarted"
        elif kind is ProbeKind.STARTUP and not self.is_started:
            self.is_started = True
            self._begin_steady()
        self._on_change()

    def _warn(self, kind: ProbeKind, message: str) -> None:
        self._tools.warn(
            self._target.pod,
            "Unhealthy",
            f"{kind.value} probe failed: {message}",
            field_path=checks.field_path(self._target.pod, self._record.name),
        )
