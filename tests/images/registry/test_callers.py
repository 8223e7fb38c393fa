"""Who may use the registry."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from choreo_local.images.registry import callers
from choreo_local.images.registry.problems import RegistryProblem
from tests.images import builders
from tests.images.registry.conftest import Registry, serving


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.test"},
        {"Host": "evil.test:10082"},
    ],
)
async def test_web_pages_may_not_use_it(registry: Registry, headers: dict[str, str]) -> None:
    for method, path in [("GET", "/v2/"), ("POST", "/v2/a/blobs/uploads/")]:
        found = await registry.ask(method, path, b"", **headers)
        assert (found.status, found.code) == (403, "DENIED")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:5", "host.k3d.internal:10082"])
async def test_it_is_called_by_its_names(registry: Registry, host: str) -> None:
    assert (await registry.ask("GET", "/v2/", Host=host)).status == 200


async def test_its_own_user_may_push(registry: Registry) -> None:
    await registry.push("a/b", "1", builders.image())


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to become another user"
)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_other_users_may_only_pull(registry: Registry) -> None:
    await registry.push("a/b", "1", builders.image())

    async def ask(method: str, path: str) -> str:
        url = f"http://127.0.0.1:{registry.server.port}{path}"
        command = ["curl", "-s", "-X", method, "-w", "%{http_code}", url]
        done = await asyncio.to_thread(
            subprocess.run, command, user=65534, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert (await ask("GET", "/v2/a/b/manifests/1"))[-3:] == "200"
    assert "user 65534 of this machine may only pull" in await ask("POST", "/v2/a/blobs/uploads/")
    assert "403" in await ask("DELETE", "/v2/a/b/manifests/1")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
async def test_the_kernel_tells_whose_a_connection_is(registry: Registry) -> None:
    with socket.create_connection(("127.0.0.1", registry.server.port)) as made:
        peer, own = made.getsockname(), made.getpeername()
        assert callers.user_of(peer, own) == os.geteuid()
        mapped = (f"::ffff:{peer[0]}", peer[1])
        assert callers.user_of(mapped, own) == os.geteuid()
        # Another user may have the same port at another address of this machine.
        assert callers.user_of(("127.0.0.5", peer[1]), own) is None
    assert callers.user_of(("127.0.0.1", 1), ("127.0.0.1", 1)) is None


@pytest.mark.parametrize(
    ("peer", "is_let_in"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("172.18.0.3", True),
        ("::ffff:172.18.0.3", True),
        ("172.17.0.2", False),
        ("192.168.1.5", False),
        ("fd00::5", False),
    ],
)
def test_only_this_machine_and_the_nodes_of_its_cluster_come_in(
    peer: str, *, is_let_in: bool
) -> None:
    nodes = [IPv4Network("172.18.0.0/16")]
    if is_let_in:
        callers.check_network((peer, 1), nodes)
        return
    with pytest.raises(RegistryProblem, match="nobody at") as refused:
        callers.check_network((peer, 1), nodes)
    assert refused.value.status == 403


async def test_it_is_called_at_further_addresses(tmp_path: Path) -> None:
    try:
        further = socket.create_server(("127.0.0.2", 0))
    except OSError:
        pytest.skip("this machine has no second loopback address")
    place = (further, IPv4Network("127.0.0.0/8"))
    async with serving(tmp_path, further=[place]) as registry:
        url = f"http://127.0.0.2:{further.getsockname()[1]}/v2/"
        assert (await registry.ask("GET", url, Host="host.k3d.internal:10082")).status == 200
        await registry.push("a/b", "1", builders.image())
