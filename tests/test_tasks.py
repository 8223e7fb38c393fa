"""Background tasks have names, are not lost when they die, and all stop."""

from __future__ import annotations

import asyncio
import logging

import pytest

from choreo_local.tasks import TaskGroup


async def forever() -> None:
    await asyncio.Event().wait()


async def dies() -> None:
    raise ValueError("the cause")


async def test_a_task_has_the_name_of_its_group_and_its_own() -> None:
    group = TaskGroup("cluster")

    task = group.start(forever(), name="watch")

    assert task.get_name() == "cluster/watch"
    await group.stop()
    assert task.cancelled()


async def test_a_death_is_logged_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    group = TaskGroup("cluster")

    task = group.start(dies(), name="watch")
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert str(group.failures["watch"]) == "the cause"
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.ERROR,
        "Background task died task=cluster/watch",
    )
    assert record.exc_info is not None
    await group.stop()


async def test_an_end_without_an_exception_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    group = TaskGroup("cluster")

    task = group.start(asyncio.sleep(0), name="short")
    await task
    await asyncio.sleep(0)

    assert (group.failures, caplog.records) == ({}, [])


async def test_all_tasks_stop_the_newest_first() -> None:
    group = TaskGroup("cluster")
    ended: list[int] = []

    async def numbered(number: int) -> None:
        try:
            await forever()
        finally:
            ended.append(number)

    for number in range(3):
        group.start(numbered(number), name=str(number))
    await asyncio.sleep(0)
    await group.stop()

    assert ended == [2, 1, 0]
    assert group.failures == {}


async def test_stopping_waits_for_what_a_task_still_does(caplog: pytest.LogCaptureFixture) -> None:
    group = TaskGroup("cluster")
    cleaned: list[str] = []

    async def careful() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("up")

    async def clumsy() -> None:
        try:
            await forever()
        finally:
            raise OSError("while stopping")

    group.start(careful(), name="careful")
    group.start(clumsy(), name="clumsy")
    await asyncio.sleep(0)
    await group.stop()
    await asyncio.sleep(0)

    assert cleaned == ["up"]
    assert "while stopping" in str(group.failures["clumsy"])
    assert len(caplog.records) == 1


async def test_a_group_may_stop_twice_and_start_again() -> None:
    group = TaskGroup("cluster")
    await group.stop()
    task = group.start(forever(), name="watch")
    await group.stop()
    await group.stop()

    assert task.cancelled()
