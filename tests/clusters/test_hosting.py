"""What is served here for a cluster, and what the cluster serves itself."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from choreo_local.clusters.driver import ClusterSpec
from choreo_local.clusters.hosting import HostedParts
from choreo_local.clusters.inventory import Inventory
from choreo_local.kubeclient.access import ServerAccess
from choreo_local.paths import InstancePaths


def parts(folder: Path, found: Inventory) -> HostedParts:
    """The parts for a cluster that nobody connects to: it is only asked who serves what."""
    spec = ClusterSpec(
        instance_id="x",
        name="choreo-x",
        paths=InstancePaths.of("x", folder),
        sockets={},
        users={},
        images=[],
        service_range=IPv4Network("127.128.0.0/16"),
    )
    nowhere = ServerAccess("https://127.0.0.1:1", None)
    return HostedParts(spec, found, gateway=nowhere, secrets=nowhere)


async def test_a_cluster_with_its_own_gateway_and_secrets_keeps_them(tmp_path: Path) -> None:
    found = Inventory(
        "v1.36.0",
        nodes=1,
        parts={"external-secrets": "v0.19"},
        gateway_class="kgateway.dev/kgateway",
    )
    hosted = parts(tmp_path, found)
    await hosted.start()  # nothing of it reaches the cluster, as nothing is to be served
    said = {one.name: one.reason for one in hosted.capabilities()}
    assert said["gateway"].startswith("kgateway.dev/kgateway of the cluster")
    assert said["secret-stores"] == "the cluster's own (v0.19)"
    assert hosted.processes() == {}
    await hosted.stop()


def test_what_a_cluster_lacks_is_served_here(tmp_path: Path) -> None:
    for gateway_class in ("", "choreo.dev/gateway-controller"):
        found = Inventory("v1.36.0", nodes=1, gateway_class=gateway_class)
        said = {one.name: one.reason for one in parts(tmp_path, found).capabilities()}
        assert "through the API server" in said["gateway"]
        assert said["secret-stores"] == "this process"
