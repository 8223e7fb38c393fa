"""The plane API as upstream's control plane calls it."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from choreo_local import pki
from choreo_local.clustergateway import planeapi, proxyrules
from choreo_local.clustergateway.planeapi import PlaneApi
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tunnel.messages import TunnelResponse
from tests.clustergateway import harness, upstream
from tests.clustergateway.harness import Site
from tests.clustergateway.upstream import UpstreamAgent

PLANE = "dataplane/prod"
OWN = f"/api/proxy/{PLANE}/default/prod/k8s"
PODS = f"{OWN}/api/v1/namespaces/default/pods"


@dataclass(slots=True)
class Caller:
    site: Site
    other: KubeClient
    session: aiohttp.ClientSession
    port: int

    async def ask(
        self, method: str, path: str, *, json: object = None, data: object = None
    ) -> tuple[int, str]:
        # As it stands: a client would resolve dots.
        url = URL(f"https://localhost:{self.port}{path}", encoded=True)
        async with self.session.request(method, url, json=json, data=data) as response:
            return response.status, await response.text()


@asynccontextmanager
async def api(folder: Path, *, with_agent: bool = True) -> AsyncIterator[Caller]:
    async with harness.site(folder) as site, harness.kube_api() as other:
        authority = pki.create_authority("plane")
        await site.apply(harness.data_plane("prod", authority))
        server = folder / "server"
        pki.ensure_client(server, "caller", authority=site.authority, user="openchoreo-api")
        served = PlaneApi(
            site.gateway,
            certificate=server / "tls.crt",
            key=server / "tls.key",
            authority=server / "ca.crt",
        )
        listening = socket.create_server(("127.0.0.1", 0))
        await served.start(listening)
        port = int(listening.getsockname()[1])
        if with_agent:
            agent = site.agent(pki.issue_client(authority, "a"), other.transport, plane_id="prod")
            site.run(agent)
            await harness.until(lambda: agent.state.connected, what="the agent is connected")
        context = ssl.create_default_context(cafile=server / "ca.crt")
        context.load_cert_chain(server / "caller.crt", server / "caller.key")
        connector = aiohttp.TCPConnector(ssl=context)
        base = f"https://localhost:{port}"
        try:
            async with aiohttp.ClientSession(base, connector=connector) as session:
                yield Caller(site, other, session, port)
        finally:
            await served.stop()


async def test_requests_pass_with_status_headers_and_body(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        maps = f"{OWN}/api/v1/namespaces/default/configmaps"
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        status, text = await caller.ask("POST", maps, json=made)
        assert status == 201, text
        async with caller.session.get(f"{maps}?labelSelector=a%3Db") as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json"
            assert (await response.json())["items"] == []
        assert (await caller.ask("GET", f"{maps}/a"))[0] == 200
        assert (await caller.ask("GET", f"{maps}/b"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/proxy/dataplane/prod/default/prod", 400),
        ("TRACE", PODS, 405),
        ("GET", f"/api/proxy/{PLANE}/default/prod/shell/x", 403),
        ("GET", f"{OWN}/api/v1/namespaces/kube-system/secrets", 403),
        ("GET", f"{OWN}/api/v1/namespaces/kube%252dsystem/secrets", 403),
        ("GET", f"{OWN}/api/v1/namespaces/%2e%2e/pods", 400),
        ("GET", f"{OWN}/api/v1/namespaces/%252e%252e/pods", 400),
        ("GET", f"{PODS}%3Fwatch=true", 400),
        ("GET", f"{OWN}/api/v1/namespaces/a%00b/pods", 400),
        ("GET", f"{PODS}?watch=true", 501),
        ("GET", f"{PODS}/a/log?follow=true", 501),
        ("GET", "/api/proxy/dataplane/prod/default/other/k8s/api", 403),
        ("GET", "/api/proxy/dataplane/prod/_cluster/prod/k8s/api", 403),
        ("GET", "/api/proxy/dataplane/nobody/default/prod/k8s/api", 502),
        ("GET", f"/api/proxy/{PLANE}/default/prod/logs/x", 404),
    ],
)
async def test_what_may_not_pass(tmp_path: Path, method: str, path: str, status: int) -> None:
    async with api(tmp_path) as caller:
        found, text = await caller.ask(method, path)
        assert found == status, text


@pytest.mark.parametrize(("status", "told"), [(100, 502), (101, 502), (204, 204), (599, 599)])
def test_no_agent_announces_another_answer(status: int, told: int) -> None:
    assert planeapi.answered(TunnelResponse("r", status)).status == told


def test_a_pod_is_no_path() -> None:
    path = proxyrules.exec_path("a/../kube-system", "p?command=x#")
    assert path == "/api/v1/namespaces/a%2F..%2Fkube-system/pods/p%3Fcommand%3Dx%23/exec"


async def test_bodies_have_a_limit(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        found, text = await caller.ask("POST", PODS, data=io.BytesIO(bytes((10 << 20) + 1)))
        assert found == 413, text


async def test_who_shows_no_certificate_gets_no_answer(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        context = ssl.create_default_context(cafile=tmp_path / "server" / "ca.crt")
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as stranger:
            with pytest.raises(aiohttp.ClientError):
                await stranger.get(f"https://localhost:{caller.port}/health")


async def test_planes_are_told_of(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        async with caller.session.get("/api/v1/planes/status") as response:
            found = await response.json()
        assert found["total"] == 1
        assert found["planes"][0]["connectedAgents"] == 1
        for query, count in (("?namespace=default&name=prod", 1), ("?name=other", 0), ("", 1)):
            async with caller.session.get(f"/api/v1/planes/{PLANE}/status{query}") as response:
                assert (await response.json())["connectedAgents"] == count
        async with caller.session.get("/api/v1/planes/workflowplane/x/status") as response:
            assert await response.json() == {
                "planeType": "workflowplane",
                "planeID": "x",
                "connected": False,
                "connectedAgents": 0,
                "lastSeen": "0001-01-01T00:00:00Z",
            }
        assert await caller.ask("GET", "/health") == (200, "OK")


async def test_agents_are_sent_away_and_come_back(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        (before,) = caller.site.gateway.connections
        async with caller.session.post(f"/api/v1/planes/{PLANE}/reconnect") as response:
            assert await response.json() == {"success": True, "disconnectedAgents": 1}
        await harness.until(
            lambda: [each for each in caller.site.gateway.connections if each is not before] != [],
            what="the agent is back",
        )


async def test_notices_are_taken(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        notice = {"planeType": "dataplane", "planeID": "prod", "namespace": "default"}
        about = {**notice, "name": "prod"}
        for body, status, answer in (
            (
                {**about, "event": "updated"},
                200,
                {
                    "success": True,
                    "action": "revalidate",
                    "authorizationsGranted": 0,
                    "authorizationsRevoked": 0,
                },
            ),
            ({**about, "event": "burnt"}, 400, None),
            ({**notice, "event": "updated"}, 400, None),
            ([], 400, None),
            (
                {**about, "event": "deleted"},
                200,
                {"success": True, "action": "disconnect", "disconnectedAgents": 1},
            ),
        ):
            async with caller.session.post("/api/v1/planes/notify", json=body) as response:
                found = await response.json()
                assert response.status == status
                if answer is None:
                    assert found["success"] is False
                    assert found["error"]
                else:
                    assert found == answer


async def test_commands_are_passed_on_byte_by_byte(tmp_path: Path) -> None:
    async with api(tmp_path, with_agent=False) as caller:
        site = caller.site
        authority = pki.create_authority("new")
        await site.apply(harness.data_plane("prod", authority))
        agent = UpstreamAgent(caller.other.transport, bytes.upper)
        identity = pki.issue_client(authority, "prod")
        async with upstream.connected(site, identity, agent, plane_id="prod"):
            path = f"/api/exec/{PLANE}/default/prod?podNamespace=default&podName=p&stdin=true"
            async with caller.session.ws_connect(f"{path}&command=cat&command=-u") as opened:
                assert await opened.receive_bytes() == b"\x01"
                await opened.send_bytes(b"\x00hello")
                assert await opened.receive_bytes() == b"\x01HELLO"
                await opened.send_bytes(b"\x00")
                assert (await opened.receive()).data == 1000
        init = next(frame for frame in agent.seen if frame.get("isUpgrade"))
        assert init["path"] == "/api/v1/namespaces/default/pods/p/exec"
        assert init["query"] == "stdout=true&stderr=true&stdin=true&command=cat&command=-u"


async def test_commands_without_a_pod_or_an_agent(tmp_path: Path) -> None:
    async with api(tmp_path, with_agent=False) as caller:
        path = f"/api/exec/{PLANE}/default/prod"
        assert (await caller.ask("GET", path))[0] == 400
        status, text = await caller.ask("GET", f"{path}?podNamespace=default&podName=p")
        assert status == 503
        assert text.startswith("no agent available: ")


async def test_wire_logs_are_refused_by_agents_without_them(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        path = f"/api/wirelogs/{PLANE}/default/prod"
        assert (await caller.ask("GET", f"{path}?environment=dev"))[0] == 400
        status, text = await caller.ask("GET", f"{path}?environment=dev&namespace=default")
        assert status == 502
        assert text.startswith("agent rejected stream: this cluster keeps no wire logs")


async def test_callers_in_a_crowd_all_get_answers(tmp_path: Path) -> None:
    async with api(tmp_path) as caller:
        answers = await asyncio.gather(*(caller.ask("GET", PODS) for _ in range(60)))
        assert {status for status, _ in answers} == {200}
