"""The work queue: once per key, never twice at a time, later after failures."""

from __future__ import annotations

import asyncio

from choreo_local.workqueue import WorkQueue, work


async def test_a_key_added_many_times_is_worked_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_comes_again_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done(key)
    assert await queue.get() == "a"


async def test_failures_delay_a_key_longer_each_time_until_it_is_forgotten() -> None:
    queue: WorkQueue[str] = WorkQueue(first_retry_seconds=1, longest_retry_seconds=3)
    assert [queue.retry("a") for _ in range(3)] == [1, 2, 3]
    queue.forget("a")
    assert queue.retry("a") == 1
    queue.close()


async def test_the_earliest_of_several_delays_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 60)
    queue.add_after("a", 0)
    assert await asyncio.wait_for(queue.get(), 30) == "a"
    queue.done("a")
    assert queue.idle


async def test_adding_a_key_cancels_its_timer() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 0.01)
    queue.add("a")
    queue.done(await queue.get())
    await asyncio.sleep(0.02)
    assert queue.idle


async def test_workers_share_the_keys_and_each_key_has_one_worker_at_a_time() -> None:
    queue: WorkQueue[str] = WorkQueue()
    active: set[str] = set()
    worked: list[str] = []
    finished = asyncio.Event()

    async def look_at(key: str) -> None:
        assert key not in active
        active.add(key)
        await asyncio.sleep(0)
        queue_again = key == "a" and worked.count("a") < 2
        if queue_again:
            queue.add("a")
        worked.append(key)
        active.discard(key)
        if len(worked) == 4:
            finished.set()

    queue.add("a")
    queue.add("b")
    workers = [asyncio.create_task(work(queue, look_at)) for _ in range(3)]
    await asyncio.wait_for(finished.wait(), 30)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(worked) == ["a", "a", "a", "b"]
