"""Startup, readiness and liveness probes: when they ask, and what their answers add up to.

`Tally` is the pure part: it turns single answers into a verdict by the thresholds. `Prober` asks,
as long as one attempt at a container lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from choreo_local import clock

# How soon a probe that waits for a first success asks again, so that what is ready quickly is
# found ready quickly; such extra questions count when they succeed, never when they fail.
_FIRST_RETRY_SECONDS = 0.025
_RETRY_FACTOR = 1.5


class ProbeKind(StrEnum):
    """The three probes, named as in messages."""

    STARTUP = "Startup"
    READINESS = "Readiness"
    LIVENESS = "Liveness"

    @property
    def field(self) -> str:
        """Its member of a container's spec."""
        return f"{self.value.lower()}Probe"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one probe."""

    success: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The numbers of a probe, with Kubernetes' defaults."""

    initial_delay_seconds: float = 0
    period_seconds: float = 10
    timeout_seconds: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    @classmethod
    def of(cls, probe: Mapping[str, Any]) -> Schedule:
        """As a probe's spec says it."""
        return cls(
            initial_delay_seconds=probe.get("initialDelaySeconds") or 0,
            period_seconds=probe.get("periodSeconds") or 10,
            timeout_seconds=probe.get("timeoutSeconds") or 1,
            success_threshold=probe.get("successThreshold") or 1,
            failure_threshold=probe.get("failureThreshold") or 3,
        )


@dataclass(slots=True)
class Tally:
    """Counts equal answers in a row; the verdict changes when a threshold is reached."""

    success_threshold: int
    failure_threshold: int
    verdict: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def count(self, *, success: bool) -> bool | None:
        """Take one answer; the verdict after it, None before the first."""
        self._run = self._run + 1 if success is self._last else 1
        self._last = success
        needed = self.success_threshold if success else self.failure_threshold
        if self._run >= needed:
            self.verdict = success
        return self.verdict


# Called with the new verdict and the message of the answer that brought it.
OnVerdict = Callable[[bool, str], None]
OnFailure = Callable[[str], None]


class Prober:
    """Asks one probe of one attempt at a container until cancelled.

    Args:
        ask: asks once.
        on_verdict: told when the verdict changes, the first one included.
        on_failure: told of each failed answer that counts.
    """

    def __init__(
        self,
        schedule: Schedule,
        ask: Callable[[], Awaitable[Answer]],
        *,
        on_verdict: OnVerdict,
        on_failure: OnFailure,
        is_eager: bool,
    ) -> None:
        self._schedule = schedule
        self._ask = ask
        self._tally = Tally(schedule.success_threshold, schedule.failure_threshold)
        self._on_verdict = on_verdict
        self._on_failure = on_failure
        self._is_eager = is_eager

    async def run(self, started_at: datetime) -> None:
        """Ask in the rhythm of the schedule, beginning `initialDelaySeconds` after the start."""
        begin = started_at.timestamp() + self._schedule.initial_delay_seconds
        await asyncio.sleep(max(0.0, begin - clock.unix()))
        loop = asyncio.get_running_loop()
        due = loop.time()
        if self._is_eager:
            due = await self._ask_eagerly(due)
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + self._schedule.period_seconds, loop.time())
            self._count(await self._answer())

    async def _ask_eagerly(self, begin: float) -> float:
        """Ask often during the first period; when the next regular question is due."""
        loop = asyncio.get_running_loop()
        delay = _FIRST_RETRY_SECONDS
        end = begin + self._schedule.period_seconds
        is_first = True
        while loop.time() < end:
            answer = await self._answer()
            if answer.success or is_first:
                self._count(answer)
            if answer.success:
                return loop.time() + self._schedule.period_seconds
            is_first = False
            await asyncio.sleep(min(delay, max(0.0, end - loop.time())))
            delay *= _RETRY_FACTOR
        return end

    async def _answer(self) -> Answer:
        try:
            async with asyncio.timeout(self._schedule.timeout_seconds):
                return await self._ask()
        except TimeoutError:
            return Answer(
                success=False,
                message=f"command timed out after {self._schedule.timeout_seconds:g}s",
            )

    def _count(self, answer: Answer) -> None:
        before = self._tally.verdict
        if not answer.success:
            self._on_failure(answer.message)
        verdict = self._tally.count(success=answer.success)
        if verdict is not None and verdict is not before:
            self._on_verdict(verdict, answer.message)
