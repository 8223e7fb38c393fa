"""Thresholds and rhythm of probes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local import clock
from choreo_local.embedded.kubelet.probes import Answer, Prober, Schedule, Tally


def verdicts(success: int, failure: int, answers: str) -> list[bool | None]:
    tally = Tally(success, failure)
    return [tally.count(success=answer == "+") for answer in answers]


@pytest.mark.parametrize(
    ("success", "failure", "answers", "expected"),
    [
        (1, 3, "+", [True]),
        (1, 3, "--", [None, None]),
        (1, 3, "---", [None, None, False]),
        (1, 3, "+--+", [True, True, True, True]),
        (1, 3, "+---+", [True, True, True, False, True]),
        (2, 1, "+-++", [None, False, False, True]),
        (2, 2, "+-+-", [None, None, None, None]),
    ],
)
def test_a_verdict_needs_equal_answers_in_a_row(
    success: int, failure: int, answers: str, expected: list[bool | None]
) -> None:
    assert verdicts(success, failure, answers) == expected


@given(st.text(alphabet="+-", max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_a_verdict_only_changes_at_the_end_of_a_long_enough_run(
    answers: str, success: int, failure: int
) -> None:
    found = verdicts(success, failure, answers)
    for position, verdict in enumerate(found):
        if verdict is not (found[position - 1] if position else None):
            needed = success if verdict else failure
            assert answers[: position + 1].endswith(("+" if verdict else "-") * needed)


def test_defaults_are_those_of_kubernetes() -> None:
    assert Schedule.of({}) == Schedule(0, 10, 1, 1, 3)
    given_values = {
        "initialDelaySeconds": 5,
        "periodSeconds": 3,
        "timeoutSeconds": 2,
        "successThreshold": 4,
        "failureThreshold": 6,
    }
    assert Schedule.of(given_values) == Schedule(5, 3, 2, 4, 6)


class Asked:
    """A container that gives the answers of a list, then the last one for ever."""

    def __init__(self, answers: Sequence[bool], *, seconds: float = 0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.times: list[float] = []
        self.verdicts: list[bool] = []
        self.failures: list[str] = []
        self.decided = asyncio.Event()

    async def ask(self) -> Answer:
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        success = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(success, "" if success else "no")

    def verdict(self, verdict: bool, message: str) -> None:
        self.verdicts.append(verdict)
        self.decided.set()

    def prober(self, schedule: Schedule, *, is_eager: bool) -> Prober:
        return Prober(
            schedule,
            self.ask,
            on_verdict=self.verdict,
            on_failure=self.failures.append,
            is_eager=is_eager,
        )

    async def until_decided(self, schedule: Schedule, *, is_eager: bool = False) -> None:
        task = asyncio.ensure_future(self.prober(schedule, is_eager=is_eager).run(clock.now()))
        async with asyncio.timeout(30):
            await self.decided.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_liveness_fails_after_exactly_its_threshold() -> None:
    asked = Asked([False])
    await asked.until_decided(Schedule(period_seconds=0.01, failure_threshold=3))
    assert asked.verdicts == [False]
    assert len(asked.failures) == 3


async def test_a_slow_answer_is_a_failure() -> None:
    asked = Asked([True], seconds=1)
    schedule = Schedule(period_seconds=0.01, timeout_seconds=0.02, failure_threshold=1)
    await asked.until_decided(schedule)
    assert asked.failures == ["command timed out after 0.02s"]


async def test_the_first_question_waits_for_the_initial_delay() -> None:
    asked = Asked([True])
    begun = asyncio.get_running_loop().time()
    await asked.until_decided(Schedule(initial_delay_seconds=0.1))
    assert asked.times[0] - begun >= 0.09


async def test_a_container_that_started_long_ago_is_asked_at_once() -> None:
    asked = Asked([True])
    prober = asked.prober(Schedule(initial_delay_seconds=60), is_eager=False)
    task = asyncio.ensure_future(prober.run(clock.now() - timedelta(seconds=61)))
    async with asyncio.timeout(30):
        await asked.decided.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_eager_probe_finds_readiness_long_before_the_period_is_over() -> None:
    asked = Asked([False, False, False, True])
    begun = asyncio.get_running_loop().time()
    await asked.until_decided(Schedule(period_seconds=10), is_eager=True)
    assert asked.verdicts == [True]
    assert asyncio.get_running_loop().time() - begun < 2


async def test_questions_out_of_turn_count_only_when_they_succeed() -> None:
    asked = Asked([False])
    schedule = Schedule(period_seconds=0.2, failure_threshold=2)
    await asked.until_decided(schedule, is_eager=True)
    assert asked.verdicts == [False]
    assert len(asked.failures) == 2
    assert len(asked.times) > 3
