"""Ports on the loopback address: the usual one where it is free, the same as last time, or another.

A chosen port is held by a listening socket until the component that serves it takes over, so that
two instances that start together do not choose the same.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping

from choreo_local.errors import PreflightError, UsageError

LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"
AGENTS, PLANE_API = "cluster-gateway", "plane-api"
# The address for agents; other machines reach it only when it is not the loopback address.
AGENTS_HOST = "CHOREO_CLUSTER_GATEWAY_HOST"

# The ports that upstream's local installations use.
PREFERRED: Mapping[str, int] = {
    "kube": 6550,
    "api": 8080,
    "gateway": 19080,
    "gateway-tls": 19443,
    "dns": 10053,
    "registry": 10082,
    AGENTS: 8443,
    PLANE_API: 8444,
}
# Without a cluster of our own, but with webhooks for another one.
PREFERRED_REMOTE: Mapping[str, int] = {
    "api": 8080,
    "gateway": 19080,
    "gateway-tls": 19443,
    "admission": 9443,
    "registry": 10082,
    AGENTS: 8443,
    PLANE_API: 8444,
}


def agents_host(environ: Mapping[str, str] = os.environ) -> str:
    """The address on which agents are awaited; UsageError when it is none."""
    found = environ.get(AGENTS_HOST) or LOOPBACK
    try:
        return str(ipaddress.IPv4Address(found))
    except ValueError:
        raise UsageError(
            f"cannot await agents at {found}: it is no IPv4 address",
            remedy=f"Set {AGENTS_HOST} to an address of this machine, or to {ANY} for all",
        ) from None


def check_agents(sockets: Mapping[str, socket.socket]) -> None:
    """PreflightError when there is no socket on which agents can be awaited."""
    if AGENTS not in sockets:
        raise PreflightError(
            f"cannot await agents at {agents_host()}: it is no address of this machine",
            remedy=f"Set {AGENTS_HOST} to one, or to {ANY} for all",
        )


def agents_url(numbers: Mapping[str, int], environ: Mapping[str, str] = os.environ) -> str:
    """Where agents on this machine dial."""
    found = agents_host(environ)
    return f"wss://{LOOPBACK if found == ANY else found}:{numbers.get(AGENTS, 0)}/ws"


def bind(port: int, *, host: str = LOOPBACK) -> socket.socket | None:
    """A listening socket on a free port (0: any), None when it is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Until it listens, another socket that also reuses addresses could bind the same port.
        bound.listen(2048)
    except OSError:
        bound.close()
        return None
    return bound


def choose(
    purposes: Mapping[str, int], *, last: Mapping[str, int], hosts: Mapping[str, str] | None = None
) -> dict[str, socket.socket]:
    """A listening socket for each purpose: last port, else the preferred one, else any free one.

    Args:
        purposes: with their preferred ports.
        last: the ports that they had.
        hosts: purpose → address, where that is not the loopback address.
    """
    chosen: dict[str, socket.socket] = {}
    for purpose, preferred in purposes.items():
        for port in (last.get(purpose), preferred, 0):
            host = (hosts or {}).get(purpose, LOOPBACK)
            bound = bind(port, host=host) if port is not None else None
            if bound is not None:
                chosen[purpose] = bound
                break
    return chosen
