"""A node of the stand-in for k3d: an embedded cluster in its own process, without a gateway."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tempfile
from pathlib import Path

import uvloop

from choreo_local.allinone import addresses, bundles, ports
from choreo_local.embedded import podruntime
from choreo_local.embedded.cluster import ClusterFolders, ClusterOptions, EmbeddedCluster
from choreo_local.embedded.network.services import ServiceProxy


class NodeCluster(EmbeddedCluster):
    """Has Services, and nobody who serves routes: that is for whoever uses the cluster."""

    async def start_parts(self) -> None:
        """Start all but the network's data path."""
        proxy = ServiceProxy(self._start_controllers())
        proxy.start()
        self._running.add(proxy)
        await self._start_node()


async def serve(folder: Path, name: str, held: socket.socket, place: Path) -> None:
    """Run until the process is told to end.

    Args:
        folder: of the node's state.
        name: of the cluster.
        held: the port of the Kubernetes API.
        place: where its socket lies.
    """
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    sockets = ports.choose(dict.fromkeys(ports.PREFERRED, 0), last={})
    sockets["kube"].close()
    sockets["kube"] = held
    identity = f"standin-{folder}"
    cluster = NodeCluster(
        ClusterOptions(
            instance_id=identity,
            name=f"k3d-{name}",
            folders=ClusterFolders(
                database=folder / "kube.db",
                pki=folder / "pki",
                kubeconfig=folder / "admin",
                socket=place / "kube.sock",
                pods=folder / "pods",
                cache=folder / "cache",
                envoy=folder / "envoy",
                envoy_log=folder / "envoy.log",
            ),
            sockets=sockets,
            users={},
            images=[bundles.root() / "images"],
            service_range=addresses.choose_range(identity, taken=()),
            # A node that is killed must leave nothing on this machine.
            runtime=podruntime.PROCESS,
        )
    )
    await cluster.start_api()
    await cluster.start_parts()
    await ended.wait()
    await cluster.stop()


if __name__ == "__main__":
    held = socket.socket(fileno=int(sys.argv[3]))
    # The path of a socket must be short, and those of tests are not.
    with tempfile.TemporaryDirectory(prefix="choreo-standin-") as place:
        uvloop.run(serve(Path(sys.argv[1]), sys.argv[2], held, Path(place)))
