"""Agents of upstream at our gateway: what they can do works, what they cannot is said."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from choreo_local import pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clustergateway import transport
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from tests.clustergateway import harness, upstream
from tests.clustergateway.harness import Site
from tests.clustergateway.upstream import UpstreamAgent

CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
POD = "/api/v1/namespaces/default/pods/greeter"


@asynccontextmanager
async def joined(
    folder: Path,
) -> AsyncIterator[tuple[Site, KubeClient, KubeClient, UpstreamAgent]]:
    """A site, its client of the plane, the plane's own, and the agent between them."""
    async with harness.site(folder) as site, harness.kube_api() as other:
        authority = pki.create_authority("plane")
        await site.apply(harness.data_plane("prod", authority))
        agent = UpstreamAgent(other.transport, bytes.upper)
        identity = pki.issue_client(authority, "prod")
        async with upstream.connected(site, identity, agent, plane_id="prod"):
            await harness.until(
                lambda: bool(site.gateway.connections.of_plane("dataplane", "prod")),
                what="the agent is connected",
            )
            yield site, site.reaching("prod", "default/prod"), other, agent


def config_map(name: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


async def test_requests_are_served(tmp_path: Path) -> None:
    async with joined(tmp_path) as (_, through, other, agent):
        await through.create(CONFIG_MAPS, config_map("a"))
        assert (await other.get(CONFIG_MAPS, "a", "default"))["metadata"]["name"] == "a"
        found = agent.seen[-1]
        assert (found["target"], found["method"]) == ("k8s", "POST")
        assert set(found) <= {
            "requestID",
            "gatewayRequestID",
            "target",
            "method",
            "path",
            "query",
            "headers",
            "body",
        }


async def test_watches_become_a_row_of_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_WATCH_SECONDS", 1)
    async with joined(tmp_path) as (site, through, other, agent):
        informer = Informer(through, CONFIG_MAPS)
        site.tasks.start(informer.run(), name="informer")
        await harness.until(informer.synced.is_set, what="the informer has listed")
        await other.create(CONFIG_MAPS, config_map("later"))
        await harness.until(
            lambda: informer.get("later", "default") is not None, what="the event arrived"
        )
        assert not any(frame.get("isUpgrade") for frame in agent.seen)


async def test_commands_run_and_their_end_is_not_known(tmp_path: Path) -> None:
    async with joined(tmp_path) as (_, through, _, agent):
        query = [("command", "cat"), ("stdin", "true")]
        opened = through.transport.websocket(
            f"{POD}/exec", query=query, protocols=("v5.channel.k8s.io",)
        )
        async with opened as socket:
            await socket.send(b"\x00hello")
            await socket.send(b"\x04" + orjson.dumps({"Width": 80, "Height": 24}))
            messages = socket.messages()
            assert await anext(messages) == b"\x01HELLO"
            await socket.send(b"\xff\x00")
            last = await anext(messages)
        assert last[:1] == b"\x03"
        assert orjson.loads(last[1:])["message"] == (
            "the agent of this plane does not tell how commands end"
        )
        init = next(frame for frame in agent.seen if frame.get("isUpgrade"))
        assert (init["method"], init["path"], init["upgradeProto"]) == (
            "POST",
            f"{POD}/exec",
            "SPDY/3.1",
        )
        pieces = [base64.b64decode(frame["data"]) for frame in agent.seen if frame.get("data")]
        assert pieces == [b"\x00hello", b'\x03{"width":80,"height":24}', b"\x00"]


async def test_logs_cannot_be_followed_and_ports_not_be_forwarded(tmp_path: Path) -> None:
    async with joined(tmp_path) as (_, through, _, _):
        with pytest.raises(UnreachableError, match="does not serve streams"):
            async with through.transport.stream("GET", f"{POD}/log", query={"follow": "true"}):
                pass
        with pytest.raises(UnreachableError, match="can only run commands"):
            async with through.transport.websocket(f"{POD}/portforward"):
                pass
