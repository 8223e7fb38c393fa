"""Where a cluster elsewhere reaches this machine: under which name, and where to listen for it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from choreo_local.clusters.driver import Callback

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"


def towards(server: str, *, told: str = "") -> Callback:
    """For the cluster of an API server: as a person has told, else as the route there says."""
    host = told or _own_address(server)
    if _is_loopback(host):
        return Callback(host, _LOOPBACK)
    return Callback(host, host if is_own(host) else _EVERYWHERE)


def is_own(address: str) -> bool:
    """Whether it is an address on which this machine can listen."""
    if not address:
        return False
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _own_address(server: str) -> str:
    """The address of this machine on the way to a server; asks no one, sends nothing."""
    parts = urlsplit(server)
    found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_DGRAM)
    family, kind, _, _, address = found[0]
    with socket.socket(family, kind) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
