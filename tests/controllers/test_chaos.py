"""Whatever happens on the way, in whatever order: the settled state is that of the orderly run.

Objects come, change and go at random, their children and live objects are deleted or tampered with,
requests fail, watches are lost, controllers stop in the middle. `CHOREO_CHAOS_SEEDS` is the number
of runs, or `first-last` names them.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Any

import pytest

from choreo_local.api import labels
from tests.controllers import frayed, harness, landscape
from tests.golden import replay

_FAULTS = 0.02
_ACTIONS = 25
_SETTLE_SECONDS = 60
_RUN_SECONDS = 220
_LOOK_SECONDS = 0.05
_UNTOUCHED = {"metadata": {"annotations": {"touched": None}}}
_PLANE = "ClusterDataPlane//default"
_CHILDREN = {"ComponentRelease", "ReleaseBinding", "RenderedRelease", "ProjectReleaseBinding"}


def seeds() -> list[int]:
    wanted = os.environ.get("CHOREO_CHAOS_SEEDS", "2")
    first, dash, last = wanted.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else list(range(int(wanted)))


@functools.cache
def orderly() -> tuple[landscape.World, dict[str, str]]:
    """The state that everything applied in order settles in, and the releases it makes."""
    return asyncio.run(_orderly())


async def _orderly() -> tuple[landscape.World, dict[str, str]]:
    async with harness.cluster(plane_kinds=("DataPlane",)) as cluster:
        for manifest in landscape.manifests({}):
            assert await landscape.apply(cluster, manifest), manifest
        await cluster.settle(timeout_seconds=30)
        latest = landscape.latest_releases(cluster)
        for manifest in landscape.manifests(latest):
            assert await landscape.apply(cluster, manifest), manifest
        await cluster.settle(timeout_seconds=30)
        return landscape.world(cluster), latest


class Chaos:
    """One run; `said` tells what was done, for those who must find out why it failed."""

    def __init__(self, cluster: harness.Cluster, line: frayed.FrayedLine, random: Random) -> None:
        self.cluster = cluster
        self.line = line
        self.random = random
        self.said: list[str] = []
        self.manifests = landscape.manifests(orderly()[1])

    def say(self, what: str, obj: landscape.Object | None = None) -> None:
        metadata = obj["metadata"] if obj else {}
        name = f" {obj['kind']}/{metadata.get('namespace', '')}/{metadata['name']}" if obj else ""
        self.said.append(f"{self.cluster.store.revision}: {what}{name}")

    async def rage(self) -> None:
        """Do all that may be done, at random."""
        self.line.faults = _FAULTS
        for manifest in self._shuffled():
            if self.random.random() < 0.8:
                await self.apply(manifest)
                await self._pause()
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (8, self.change),
            (5, self.remove),
            (5, self.remove_child),
            (5, self.remove_live),
            (4, self.tamper),
            (3, self.touch),
            (3, self.cut),
            (3, self.lose_history),
            (2, self.restart),
        ]
        choices = [action for _, action in actions]
        weights = [weight for weight, _ in actions]
        for action in self.random.choices(choices, weights, k=_ACTIONS):
            await action()
            await self._pause()
        self.line.faults = 0.0

    async def _pause(self) -> None:
        await asyncio.sleep(self.random.choice((0, 0, 0.005, 0.02, 0.1)))

    def _shuffled(self) -> list[landscape.Object]:
        return self.random.sample(self.manifests, len(self.manifests))

    async def apply(self, manifest: landscape.Object) -> None:
        self.say("apply", manifest)
        await landscape.apply(self.cluster, manifest)

    async def change(self) -> None:
        manifest = self.random.choice(self.manifests)
        if self.random.random() < 0.5:
            manifest = landscape.varied(manifest, self.random)
        self.say(f"change {json.dumps(manifest['spec'])[-200:]}", manifest)
        await landscape.apply(self.cluster, manifest)

    async def remove(self) -> None:
        await self._delete(self.random.choice(self.manifests))

    async def remove_child(self) -> None:
        ours = self.cluster.objects(labels.GROUP)
        await self._delete_one([obj for obj in ours if obj["kind"] in _CHILDREN])

    async def remove_live(self) -> None:
        await self._delete_one(landscape.live(self.cluster))

    async def _delete_one(self, found: list[landscape.Object]) -> None:
        if found:
            await self._delete(self.random.choice(found))

    async def _delete(self, obj: landscape.Object) -> None:
        self.say("delete", obj)
        await landscape.delete(self.cluster, obj)

    async def tamper(self) -> None:
        await self._patch(landscape.live(self.cluster), landscape.tampered)

    async def touch(self) -> None:
        number = self.random.randrange(1000)

        def patch(_: landscape.Object) -> landscape.Object:
            return {"metadata": {"annotations": {"touched": str(number)}}}

        await self._patch(list(self.cluster.objects(labels.GROUP)), patch, undo=True)

    async def _patch(
        self,
        found: list[landscape.Object],
        patch: Callable[[landscape.Object], landscape.Object],
        *,
        undo: bool = False,
    ) -> None:
        if not found:
            return
        obj = self.random.choice(found)
        self.say("patch", obj)
        await landscape.patch(self.cluster, obj, patch(obj))
        if undo:
            await self._pause()
            await landscape.patch(
                self.cluster, obj, {"metadata": {"annotations": {"touched": None}}}
            )

    async def cut(self) -> None:
        self.say("cut")
        self.line.cut()

    async def lose_history(self) -> None:
        """Break the watches, and be unable to tell what happened until they are resumed."""
        self.say("lose history")
        self.line.cut()
        for _ in range(2):
            await self.random.choice((self.remove, self.remove_child, self.remove_live))()
        for resource in self.cluster.store.resources():
            self.cluster.store.log(resource).compact(self.cluster.store.revision)

    async def restart(self) -> None:
        self.say("restart")
        await self.cluster.controllers.stop()
        if self.random.random() < 0.5:
            await self.remove()
        await self.cluster.controllers.start()

    async def put_right(self) -> None:
        """Everything as it should be, in any order; what cannot go on goes first."""
        self.say("put right")
        await self._apply_all()
        await self.cluster.settle(timeout_seconds=_SETTLE_SECONDS)
        if landscape.going(self.cluster):
            await self._wait(self._nothing_goes, seconds=2)
        if landscape.going(self.cluster):
            self.say("remove all")
            for manifest in self.manifests:
                # What is on a plane cannot be cleaned up without it.
                if landscape.key_of(manifest) == _PLANE:
                    await self.apply(manifest)
            for manifest in self._shuffled():
                if landscape.key_of(manifest) != _PLANE:
                    await landscape.delete(self.cluster, manifest)
            await self._wait(self._is_empty, seconds=_SETTLE_SECONDS)
            assert self._left() == []
        await self._apply_all()

    async def _apply_all(self) -> None:
        left = self._shuffled()
        while left:
            refused = [
                manifest for manifest in left if not await landscape.apply(self.cluster, manifest)
            ]
            assert len(refused) < len(left), refused
            left = refused

    def _nothing_goes(self) -> bool:
        return not landscape.going(self.cluster)

    def _left(self) -> list[str]:
        return [name for name in landscape.world(self.cluster) if name != _PLANE]

    def _is_empty(self) -> bool:
        return not self._left()

    async def _wait(self, condition: Callable[[], bool], *, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not condition() and loop.time() < end:  # noqa: ASYNC110 - worlds have no event
            await asyncio.sleep(_LOOK_SECONDS)

    async def settled(self) -> None:
        """Wait for the state of the orderly run, and see that it lasts."""
        expected = orderly()[0]
        await self._wait(lambda: landscape.world(self.cluster) == expected, seconds=_SETTLE_SECONDS)
        await self.cluster.settle(timeout_seconds=_SETTLE_SECONDS)
        found = landscape.world(self.cluster)
        assert found == expected, "\n".join(deviations(found, expected))

    def story(self) -> str:
        """What was done, and what waits for what."""
        waiting = [
            f"going: {landscape.key_of(obj)} {obj['metadata'].get('finalizers')} "
            f"{replay.conditions_of(obj)}"
            for obj in landscape.going(self.cluster)
        ]
        return "\n".join([*self.said, *waiting])


def deviations(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Where two values differ, a line each."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            yield from deviations(found.get(key), expected.get(key), f"{path}.{key}")
    elif found != expected:
        yield f"{path}\n  found    {_short(found)}\n  expected {_short(expected)}"


def _short(value: Any) -> str:
    return json.dumps(value)[:500]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", seeds())
async def test_chaos_settles_in_the_state_of_the_orderly_run(seed: int) -> None:
    await asyncio.to_thread(orderly)
    random = Random(seed)
    line = frayed.FrayedLine(random)
    async with harness.cluster(plane_kinds=("DataPlane",), line=line) as cluster:
        chaos = Chaos(cluster, line, random)
        try:
            async with asyncio.timeout(_RUN_SECONDS):
                await chaos.rage()
                await chaos.put_right()
                await chaos.settled()
        except BaseException as error:
            error.add_note(chaos.story())
            raise
