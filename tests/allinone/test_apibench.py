from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from choreo_local.allinone import apibench
from choreo_local.allinone.apibench import Extent
from choreo_local.allinone.benchclient import Access
from tests.apiserver.harness import TOKEN, serve
from tests.services import harness


@pytest.mark.asyncio
@pytest.mark.timeout(60)
async def test_every_request_of_the_api_is_measured() -> None:
    extent = Extent(requests=3, listed=120, rounds=2)
    said: list[str] = []
    async with harness.control_plane("core") as platform, serve(platform) as api:
        await platform.apply(_NAMESPACE, _PROJECT)
        address = urlsplit(api.url)
        access = Access(str(address.hostname), int(address.port or 0), None, TOKEN)
        figures = await apibench.measure_at(access, extent, said.append)

    created, creates, got, gets, pages, whole = figures
    assert [len(figure.samples) for figure in (created, got)] == [extent.requests] * 2
    assert [len(figure.samples) for figure in (creates, gets, whole)] == [extent.rounds] * 3
    assert len(pages.samples) == 2 * extent.rounds
    assert all(min(figure.samples) > 0 for figure in figures)
    assert said == ["creates", "reads", "lists"]


_NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "default", "labels": {"openchoreo.dev/control-plane": "true"}},
}
_PROJECT = {
    "apiVersion": "openchoreo.dev/v1alpha1",
    "kind": "Project",
    "metadata": {"name": "default", "namespace": "default"},
    "spec": {
        "deploymentPipelineRef": {"name": "default"},
        "type": {"kind": "ClusterProjectType", "name": "default"},
    },
}
