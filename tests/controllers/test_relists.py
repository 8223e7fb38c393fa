"""What goes while the watches are broken, and the server forgets, is noticed all the same."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import pytest

from choreo_local.controllers import references
from tests.controllers import frayed, harness, landscape


async def lose(cluster: harness.Cluster, line: frayed.FrayedLine, kind: str, name: str) -> None:
    """Delete an object of which no watch can ever tell."""
    found = landscape.only(cluster, kind, name)
    line.cut()
    await landscape.delete(cluster, found)
    for resource in cluster.store.resources():
        cluster.store.log(resource).compact(cluster.store.revision)


async def says(cluster: harness.Cluster, kind: str, name: str, condition: str, why: str) -> None:
    """Wait until a condition of an object gives that reason."""
    async with asyncio.timeout(60):
        for _ in itertools.count():
            if references.says(landscape.only(cluster, kind, name), condition, why):
                return
            await asyncio.sleep(0.02)


@pytest.mark.timeout(120)
async def test_the_last_object_of_a_kind_is_missed() -> None:
    line = frayed.FrayedLine(Random(0))
    async with harness.cluster(plane_kinds=("DataPlane",), line=line) as cluster:
        wanted = [obj for obj in landscape.manifests({}) if obj["metadata"]["name"] != "page"]
        for manifest in wanted:
            assert await landscape.apply(cluster, manifest)
        await says(cluster, "Component", "stock", "Ready", "ComponentReleaseReady")

        await lose(cluster, line, "Workload", "stock")
        await says(cluster, "Component", "stock", "Ready", "WorkloadNotFound")

        await lose(cluster, line, "ClusterDataPlane", "default")
        await says(
            cluster, "ReleaseBinding", "stock-development", "ReleaseSynced", "DataPlaneNotFound"
        )
