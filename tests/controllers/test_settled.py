"""A settled platform is left alone: nothing is written, whatever the controllers hear again."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from choreo_local.api import labels
from tests.controllers import frayed, harness, landscape

_WATCHED_SECONDS = 1.0
# The node says that it lives and that a pod still waits for its Secret, a plane that it is reached.
_BEATS = ("Lease/", "Node/", "Event/dp-", "ClusterDataPlane/")


async def settled(cluster: harness.Cluster) -> None:
    for _ in range(2):
        for manifest in landscape.manifests(landscape.latest_releases(cluster)):
            assert await landscape.apply(cluster, manifest)
        await cluster.settle(timeout_seconds=60)
    assert len(landscape.live(cluster)) > 10


async def written(cluster: harness.Cluster, since: int) -> list[str]:
    """What was written in a while, once the controllers have nothing to do any more."""
    await asyncio.sleep(_WATCHED_SECONDS)
    await cluster.settle(timeout_seconds=60)
    names = (
        f"{event.type} {landscape.key_of(event.current.object)}" for event in cluster.events(since)
    )
    return [name for name in names if not name.partition(" ")[2].startswith(_BEATS)]


@pytest.mark.timeout(120)
async def test_nothing_is_written_when_nothing_has_changed() -> None:
    line = frayed.FrayedLine(Random(0))
    async with harness.cluster(plane_kinds=("DataPlane",), line=line) as cluster:
        await settled(cluster)
        revision = cluster.store.revision

        assert await written(cluster, revision) == []
        wake_all(cluster)
        assert await written(cluster, revision) == []
        line.cut()
        assert await written(cluster, revision) == []
        for manifest in landscape.manifests(landscape.latest_releases(cluster)):
            assert await landscape.apply(cluster, manifest)
        assert await written(cluster, revision) == []


@pytest.mark.timeout(120)
async def test_controllers_that_come_back_write_nothing_either() -> None:
    async with harness.cluster(plane_kinds=("DataPlane",)) as cluster:
        await settled(cluster)
        await cluster.controllers.stop()
        revision = cluster.store.revision
        await cluster.controllers.start()
        assert await written(cluster, revision) == []


def wake_all(cluster: harness.Cluster) -> None:
    """Look at every object, as after a long time in which nothing happened."""
    runtime, loop = cluster.controllers.runtime, cluster.controllers.loop
    assert runtime is not None
    for obj in cluster.objects(labels.GROUP):
        metadata = obj["metadata"]
        if obj["kind"] in runtime.reconciled:
            loop.call_soon_threadsafe(
                runtime.wake, obj["kind"], metadata.get("namespace", ""), metadata["name"]
            )
