"""Either end of the tunnel is killed again and again while many use it.

Every request gets an answer or a clear error, and the end that survives forgets whoever died.
`CHOREO_TUNNEL_KILLS` says how often; the default is for machines that are in a hurry.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest

from choreo_local import pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from tests.clustergateway import harness
from tests.clustergateway.harness import Site

KILLS = int(os.environ.get("CHOREO_TUNNEL_KILLS", "2"))
CALLERS = 16
CONFIG_MAPS = ResourceKind("", "v1", "ConfigMap", "configmaps")
# How long one request may take in all, however the ends die.
PATIENCE_SECONDS = 60.0

pytestmark = pytest.mark.timeout(120 + 30 * KILLS)


@dataclass(slots=True)
class Tally:
    """What became of the requests."""

    ends: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    async def ask(self, request: Callable[[], Awaitable[str]]) -> None:
        """Ask again and again."""
        while not self.stopped:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self.ends[await request()] += 1
            await asyncio.sleep(0.002)


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process; killed at the end, if not before."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def says(started: asyncio.subprocess.Process, word: str) -> None:
    """Return when a process prints a line."""
    assert started.stdout is not None
    async with asyncio.timeout(harness.WAIT_SECONDS):
        while (line := await started.stdout.readline()).strip() != word.encode():
            assert line, "the process has ended"


def agent_arguments(site: Site, identity: pki.Identity) -> tuple[str, ...]:
    site.credentials(identity)
    folder = site.folder / "agent"
    shutil.copy(site.folder / "server" / "ca.crt", folder / "ca.crt")
    url = f"wss://localhost:{site.port}/ws"
    return "tests.clustergateway.agentprocess", url, "prod", str(folder)


async def through_gateway(client: KubeClient) -> str:
    """One request through the tunnel, and how it ended."""
    try:
        await client.list(CONFIG_MAPS, "default")
    except UnreachableError:
        return "error"
    return "answer"


async def test_agents_are_killed_under_load(tmp_path: Path) -> None:
    async with harness.site(tmp_path) as site:
        identity = pki.create_authority("agent")
        await site.apply(harness.data_plane("prod", identity))
        arguments = agent_arguments(site, pki.issue_client(identity, "prod"))
        client, tally = site.reaching("prod", "default/prod"), Tally()
        informer = Informer(client, CONFIG_MAPS)
        site.tasks.start(informer.run(), name="informer")
        async with process(*arguments) as first:
            await says(first, "connected")
            await harness.until(informer.synced.is_set, what="the informer has listed")
        before = _figures()
        callers = [
            asyncio.create_task(tally.ask(lambda: through_gateway(client))) for _ in range(CALLERS)
        ]
        for _ in range(KILLS):
            async with process(*arguments) as agent:
                await says(agent, "connected")
                answered = tally.ends["answer"]
                await harness.until(
                    lambda: tally.ends["answer"] >= answered + 50,  # noqa: B023 - awaited here
                    what="requests are answered through the new agent",
                )
                agent.kill()
                await agent.wait()
        tally.stopped = True
        await asyncio.gather(*callers)
        await harness.until(
            lambda: not site.gateway.connections.of_plane("dataplane", "prod"), what="all are gone"
        )
        _tell(f"{KILLS} agents killed: {dict(tally.ends)}; {before} -> {_figures()}")
        assert tally.ends["answer"] >= 50 * KILLS
        assert _figures().sockets <= before.sockets + 2
        assert _figures().tasks <= before.tasks + 2


async def test_gateways_are_killed_under_load(tmp_path: Path) -> None:
    agents, api = _free_port(), _free_port()
    async with harness.site(tmp_path) as site, harness.kube_api() as other:
        # Only the folder of certificates is used: the gateway is another process.
        identity = pki.create_authority("agent")
        agent = site.agent(
            pki.issue_client(identity, "prod"), other.transport, plane_id="prod", port=agents
        )
        pki.ensure_client(
            tmp_path / "server", "caller", authority=site.authority, user="openchoreo-api"
        )
        arguments = (
            "tests.clustergateway.gatewayprocess",
            str(tmp_path),
            "prod",
            str(agents),
            str(api),
        )
        site.run(agent)
        tally = Tally()
        async with _caller(tmp_path, api) as ask:
            before = _figures()
            callers = [asyncio.create_task(tally.ask(ask)) for _ in range(CALLERS)]
            for _ in range(KILLS):
                async with process(*arguments) as gateway:
                    await says(gateway, "listening")
                    answered = tally.ends["answer"]
                    await harness.until(
                        lambda: tally.ends["answer"] >= answered + 50,  # noqa: B023 - awaited here
                        what="requests are answered through the new gateway",
                    )
                    gateway.kill()
                    await gateway.wait()
            tally.stopped = True
            await asyncio.gather(*callers)
            await harness.until(lambda: not agent.state.connected, what="the agent has noticed")
            # What a pool keeps for later is no leak.
            await other.close()
            await harness.until(
                lambda: _figures().tasks <= before.tasks + 2, what="no task is left"
            )
            _tell(f"{KILLS} gateways killed: {dict(tally.ends)}; {before} -> {_figures()}")
        assert tally.ends["answer"] >= 50 * KILLS
        assert agent.session is None
        assert _figures().tasks <= before.tasks + 2
        assert _figures().sockets <= before.sockets + 2


@asynccontextmanager
async def _caller(folder: Path, port: int) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Asks the plane API as another program does."""
    context = ssl.create_default_context(cafile=folder / "server" / "ca.crt")
    context.load_cert_chain(folder / "server" / "caller.crt", folder / "server" / "caller.key")
    path = "/api/proxy/dataplane/prod/default/prod/k8s/api/v1/namespaces/default/configmaps"
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(f"https://localhost:{port}", connector=connector) as session:

        async def ask() -> str:
            try:
                async with session.get(path) as response:
                    text = await response.text()
            except (aiohttp.ClientError, OSError):
                return "no gateway"
            if response.status == 200:
                return "answer"
            assert response.status in {403, 502}
            assert text
            return "error"

        yield ask


@dataclass(frozen=True, slots=True)
class Figures:
    tasks: int
    sockets: int
    megabytes: int


def _figures() -> Figures:
    gc.collect()
    own = psutil.Process()
    return Figures(len(asyncio.all_tasks()), own.num_fds(), own.memory_info().rss >> 20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _tell(text: str) -> None:
    """For whoever runs this by hand: pytest -s."""
    sys.stdout.write(f"\n{text}\n")
