"""Which part of the loopback network is an instance's own, for the addresses of its Services.

Services keep their addresses in the store, so the range is chosen once, when an instance is made.
"""

from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network

from choreo_local.errors import PreflightError

# 127.128.0.0 … 127.191.0.0; pods take theirs from elsewhere.
_FIRST_OCTET = 128
_OCTETS = 64
_CLAIM_PORT = 10251
_CLAIM_HOST = 65534


def choose_range(instance_id: str, *, taken: Collection[str]) -> IPv4Network:
    """A range for a new instance that no known or running instance has."""
    for network in _candidates(instance_id):
        if str(network) not in taken and (holder := _claim(network)) is not None:
            holder.close()
            return network
    raise PreflightError(
        "cannot find a free range of loopback addresses for Services: all are taken",
        remedy="Remove an instance that is not needed any more: choreo list; choreo down --purge",
    )


def hold(network: IPv4Network) -> socket.socket:
    """Hold a range while an instance runs, so that no other of this machine uses it.

    Raises PreflightError when another one does: Services have their addresses for good.
    """
    holder = _claim(network)
    if holder is None:
        raise PreflightError(
            f"cannot use the addresses {network} for Services: another instance uses them",
            remedy="Stop it first: another CHOREO_HOME, or another user, has an instance running",
        )
    return holder


def _claim(network: IPv4Network) -> socket.socket | None:
    holder = socket.socket()
    try:
        holder.bind((str(network.network_address + _CLAIM_HOST), _CLAIM_PORT))
    except OSError as error:
        # A machine without this address cannot tell by it whether the range is taken.
        if error.errno == errno.EADDRINUSE:
            holder.close()
            return None
    return holder


def _candidates(instance_id: str) -> Iterator[IPv4Network]:
    start = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:4], "big")
    for step in range(_OCTETS):
        yield IPv4Network(f"127.{_FIRST_OCTET + (start + step) % _OCTETS}.0.0/16")
