"""Agents with certificates that are not good enough: refused, told why, and named in the status."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from choreo_local import clock, pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clusteragent.agent import Agent
from choreo_local.clustergateway.access import RemotePlanes
from choreo_local.errors import UnreachableError
from choreo_local.pki import Identity
from choreo_local.planes import PlaneClients
from tests.clustergateway import harness
from tests.clustergateway.harness import WAIT_SECONDS, Site

SECRETS = ResourceKind("", "v1", "Secret", "secrets")
PODS = ResourceKind("", "v1", "Pod", "pods")


def planes_of(site: Site) -> PlaneClients:
    """The planes as the controllers see them."""
    loop = asyncio.get_running_loop()
    return PlaneClients(RemotePlanes(site.gateway, loop=loop, field_manager="test"))


async def refused(site: Site, identity: Identity, plane_id: str = "prod") -> Agent:
    """An agent that was sent away at least once."""
    async with harness.kube_api() as other:
        agent = site.agent(identity, other.transport, plane_id=plane_id)
        running = site.run(agent)
        await harness.until(lambda: bool(agent.state.problem), what="the agent was refused")
        running.cancel()
        assert not agent.state.connected
        assert "the gateway refused the agent (401)" in agent.state.problem
        return agent


def problem(site: Site, name: str) -> str:
    return planes_of(site).connection("DataPlane", name, f"default/{name}").problem


async def test_an_expired_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = pki.create_authority("plane")
    with monkeypatch.context() as past:
        past.setattr(clock, "now", lambda: datetime(2010, 1, 1, tzinfo=UTC))
        old = pki.issue_client(authority, "prod")
    async with harness.site(tmp_path) as site:
        await site.apply(harness.data_plane("prod", authority))
        agent = await refused(site, old)
        assert "the certificate expired on 20" in agent.state.problem
        assert problem(site, "prod").startswith(
            "the agent at 127.0.0.1 was refused: the certificate expired on 20"
        )


async def test_a_certificate_of_another_authority(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site:
        await site.apply(harness.data_plane("prod", pki.create_authority("plane")))
        agent = await refused(site, pki.issue_client(pki.create_authority("else"), "prod"))
        assert "no registered authority vouches" in agent.state.problem
        with pytest.raises(UnreachableError, match="was refused: no registered authority"):
            planes_of(site).client("DataPlane", "prod", "default/prod")


async def test_the_right_authority_of_another_plane(tmp_path: Path) -> None:
    staging = pki.create_authority("staging authority")
    async with harness.site(tmp_path) as site:
        await site.apply(
            harness.data_plane("prod", pki.create_authority("prod authority")),
            harness.data_plane("staging", staging),
        )
        agent = await refused(site, pki.issue_client(staging, "staging"))
        # The hint is for who looks at the status, not for who dialled in.
        assert "staging" not in agent.state.problem
        assert problem(site, "prod").endswith("; DataPlane default/staging would accept it")


async def test_a_plane_that_nobody_described(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site:
        agent = await refused(site, pki.issue_client(pki.create_authority("a"), "x"), "nowhere")
        assert "no plane object has this plane ID" in agent.state.problem
        assert not site.gateway.refusals


async def test_an_agent_that_comes_before_its_plane(tmp_path: Path) -> None:
    authority = pki.create_authority("plane")
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        agent = site.agent(pki.issue_client(authority, "prod"), other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.attempts > 1, what="it tries again")
        await site.apply(harness.data_plane("prod", authority))
        await harness.until(lambda: agent.state.connected, what="the agent is connected")


async def test_a_connected_agent_whose_authority_is_taken_away(tmp_path: Path) -> None:
    authority = pki.create_authority("plane")
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        await site.apply(harness.data_plane("prod", authority))
        agent = site.agent(pki.issue_client(authority, "prod"), other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")
        client = planes_of(site).client("DataPlane", "prod", "default/prod")
        watching = client.watch(PODS, resource_version="1")
        following = asyncio.ensure_future(anext(watching))
        await asyncio.sleep(0)

        await site.apply(harness.data_plane("prod", pki.create_authority("new")))
        await harness.until(lambda: not agent.state.connected, what="the agent was sent away")
        with pytest.raises(UnreachableError):
            await following
        await harness.until(lambda: "401" in agent.state.problem, what="it was refused")
        assert "no registered authority" in problem(site, "prod")

        await site.apply(harness.data_plane("prod", authority))
        await harness.until(lambda: agent.state.connected, what="the agent is back")
        assert problem(site, "prod") == ""


async def test_a_connected_agent_whose_certificate_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = pki.create_authority("plane")
    with monkeypatch.context() as short:
        short.setattr(pki, "_LIFETIME", timedelta(seconds=WAIT_SECONDS))
        identity = pki.issue_client(authority, "prod")
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        await site.apply(harness.data_plane("prod", authority))
        agent = site.agent(identity, other.transport, plane_id="prod")
        with monkeypatch.context() as later:
            # A second before the end: the gateway sets its timer, and then it is late.
            end = identity.parsed().not_valid_after_utc
            later.setattr(clock, "now", lambda: end - timedelta(seconds=1))
            site.run(agent)
            await harness.until(lambda: agent.state.connected, what="the agent is connected")
            later.setattr(clock, "now", lambda: end + timedelta(seconds=1))
            await harness.until(
                lambda: "the certificate expired on " in problem(site, "prod"),
                what="the agent was sent away",
            )


async def test_two_objects_of_one_plane_trust_for_themselves(tmp_path: Path) -> None:
    authority = pki.create_authority("plane")
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        await site.apply(
            harness.data_plane("ours", authority, plane_id="shared"),
            harness.data_plane("theirs", pki.create_authority("else"), plane_id="shared"),
        )
        agent = site.agent(pki.issue_client(authority, "a"), other.transport, plane_id="shared")
        site.run(agent)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")
        planes = planes_of(site)

        assert planes.agents("DataPlane", "shared", "default/ours") == 1
        await planes.client("DataPlane", "shared", "default/ours").list(PODS)
        assert planes.agents("DataPlane", "shared", "default/theirs") == 0
        with pytest.raises(UnreachableError, match="no agents authorized for CR default/theirs"):
            await site.reaching("shared", "default/theirs").list(PODS)

        # Registered later: counts at once, without a new connection.
        await site.apply(harness.data_plane("theirs", authority, plane_id="shared"))
        await harness.until(
            lambda: planes.agents("DataPlane", "shared", "default/theirs") == 1,
            what="it is trusted",
        )
        assert agent.state.attempts == 1


async def test_an_authority_in_a_secret(tmp_path: Path) -> None:
    authority = pki.create_authority("plane")
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        plane = harness.data_plane("prod", authority)
        plane["spec"]["clusterAgent"]["clientCA"] = {
            "secretKeyRef": {"name": "agent", "key": "ca.crt"}
        }
        await site.apply(plane)
        agent = site.agent(pki.issue_client(authority, "prod"), other.transport, plane_id="prod")
        site.run(agent)
        await harness.until(
            lambda: "cannot read Secret default/agent" in agent.state.problem, what="it is refused"
        )
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "agent", "namespace": "default"},
            "data": {"ca.crt": base64.b64encode(authority.certificate).decode()},
        }
        await site.client.create(SECRETS, secret)
        await harness.until(lambda: agent.state.connected, what="the agent is connected")
