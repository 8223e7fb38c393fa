"""Requests, watches and refusals through a real tunnel."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local import pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError, UnreachableError
from choreo_local.kubeclient.watcher import Informer
from tests.clustergateway import harness

CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")


def config_map(name: str, **data: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


async def test_objects_are_written_and_read_on_the_other_cluster(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        authority = pki.create_authority("plane")
        await site.apply(harness.data_plane("prod", authority))
        agent = site.agent(pki.issue_client(authority, "prod"), other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")

        through = site.reaching("prod", "default/prod")
        await through.create(CONFIG_MAPS, config_map("a", key="value"))
        assert (await other.get(CONFIG_MAPS, "a", "default"))["data"] == {"key": "value"}
        assert (await through.get(CONFIG_MAPS, "a", "default"))["data"] == {"key": "value"}
        with pytest.raises(NotFoundError, match='configmaps "b" not found'):
            await through.get(CONFIG_MAPS, "b", "default")


async def test_watches_travel_through_the_tunnel(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        authority = pki.create_authority("plane")
        await site.apply(harness.data_plane("prod", authority))
        agent = site.agent(pki.issue_client(authority, "prod"), other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")

        informer = Informer(site.reaching("prod", "default/prod"), CONFIG_MAPS)
        site.tasks.start(informer.run(), name="informer")
        await harness.until(informer.synced.is_set, what="the informer has listed")
        await other.create(CONFIG_MAPS, config_map("later"))
        await harness.until(
            lambda: informer.get("later", "default") is not None, what="the event arrived"
        )


async def test_who_shows_a_wrong_certificate_is_told_why(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        await site.apply(harness.data_plane("prod", pki.create_authority("plane")))
        stranger = pki.issue_client(pki.create_authority("stranger"), "prod")
        agent = site.agent(stranger, other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: bool(agent.state.problem), what="the agent was refused")

        assert "client certificate verification failed" in agent.state.problem
        refusal = site.gateway.refusals["dataplane/prod"]
        assert "no registered authority" in refusal.objections["default/prod"]
        with pytest.raises(UnreachableError, match="no agents found for plane dataplane/prod"):
            await site.reaching("prod", "default/prod").get(CONFIG_MAPS, "a", "default")
