"""An agent with a cluster of its own, as a process that can be killed.

`python -m tests.clustergateway.agentprocess URL PLANE_ID FOLDER`: FOLDER holds tls.crt, tls.key and
the authority of the gateway, ca.crt. Prints a line when it is connected.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvloop

from choreo_local.clusteragent import backends
from choreo_local.clusteragent.agent import Agent, Credentials, Destination, State
from tests.clustergateway import harness


async def serve(url: str, plane_id: str, folder: Path) -> None:
    credentials = Credentials(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")

    def tell(state: State) -> None:
        sys.stdout.write("connected\n" if state.connected else f"{state.problem}\n")
        sys.stdout.flush()

    async with harness.kube_api() as client:
        destination = Destination(url, "dataplane", plane_id)
        served = backends.of_kube_api(client.transport)
        await Agent(destination, credentials, served, on_change=tell).run()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
