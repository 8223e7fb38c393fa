"""A control plane with gateway and plane API, as a process that can be killed.

`python -m tests.clustergateway.gatewayprocess FOLDER PLANE_ID AGENTS_PORT API_PORT`: FOLDER is the
one of a `harness.Site`; the plane trusts FOLDER/agent/tls.crt. Prints a line when it listens.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvloop

from choreo_local.allinone import bundles
from choreo_local.clustergateway.gateway import ClusterGateway
from choreo_local.clustergateway.planeapi import PlaneApi
from choreo_local.clustergateway.server import AgentEndpoint
from tests.clustergateway import harness


async def serve(folder: Path, plane_id: str, agents: int, api: int) -> None:
    async with harness.kube_api() as client:
        await harness.apply_plane_kinds(client)
        pinned = (folder / "agent" / "tls.crt").read_bytes()
        await bundles.apply(client, [harness.data_plane(plane_id, pinned)])
        gateway = ClusterGateway(client, on_change=lambda *_: None)
        certificate, key = folder / "server" / "tls.crt", folder / "server" / "tls.key"
        plane_api = PlaneApi(
            gateway, certificate=certificate, key=key, authority=folder / "server" / "ca.crt"
        )
        await plane_api.start(socket.create_server(("127.0.0.1", api)))
        endpoint = AgentEndpoint(gateway, certificate=certificate, key=key)
        await endpoint.start(socket.create_server(("127.0.0.1", agents)))
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
