"""Loopback addresses for pods: a range of 127.0.0.0/8 for each instance, one address for each pod.

Two instances on one machine never share a range: the owner of a range holds a socket bound to the
range's own address, and the kernel lets go of it when the process ends, however it ends.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from choreo_local.errors import PreflightError, ServiceUnavailableError

# Second octets to choose from: away from 127.0 and 127.1, which distributions use for host names.
_FIRST_OCTET, _OCTETS = 32, 64
_CLAIM_PORT = 10250
_RESERVED = 16


def has_own_addresses() -> bool:
    """Whether this machine lets a process bind to any address of 127.0.0.0/8."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:
            return False
    return True


class AddressPool:
    """Hands out addresses of one range.

    Args:
        network: the range; without it one is chosen by the name of the instance.
    """

    def __init__(self, instance_id: str, *, network: IPv4Network | None = None) -> None:
        self._instance_id = instance_id
        self._wanted = network
        self._claim: socket.socket | None = None
        self._taken: set[IPv4Address] = set()
        self._cursor = 0
        self.network: IPv4Network | None = None

    def claim(self) -> IPv4Network:
        """Take a range for this instance; PreflightError when another process has it."""
        for network in self._candidates():
            holder = socket.socket()
            try:
                holder.bind((str(network.network_address + 1), _CLAIM_PORT))
            except OSError:
                holder.close()
                continue
            self._claim, self.network = holder, network
            return network
        wanted = f" {self._wanted}" if self._wanted else ""
        raise PreflightError(
            f"cannot take the address range{wanted} for pods: another instance holds it",
            remedy="stop that instance, or configure another range of 127.0.0.0/8",
        )

    def _candidates(self) -> Iterator[IPv4Network]:
        if self._wanted is not None:
            yield self._wanted
            return
        start = int.from_bytes(hashlib.sha256(self._instance_id.encode()).digest()[:4], "big")
        for step in range(_OCTETS):
            octet = _FIRST_OCTET + (start + step) % _OCTETS
            yield IPv4Network(f"127.{octet}.0.0/16")

    def take(self, wanted: str = "") -> str:
        """An address that no pod has; `wanted` when it is free and of this range."""
        if self.network is None:
            raise PreflightError("cannot give out an address: no range was claimed")
        if wanted:
            address = IPv4Address(wanted)
            if address in self.network and address not in self._taken:
                self._taken.add(address)
                return wanted
        usable = self.network.num_addresses - _RESERVED - 1
        for _ in range(usable):
            # The cursor moves on, so that an address rests before it is used again: peers may
            # still hold connections to the pod that had it.
            address = self.network.network_address + _RESERVED + self._cursor
            self._cursor = (self._cursor + 1) % usable
            if address not in self._taken:
                self._taken.add(address)
                return str(address)
        raise ServiceUnavailableError(f"cannot give out an address: all of {self.network} are used")

    def release(self, address: str) -> None:
        """Give an address back."""
        self._taken.discard(IPv4Address(address))

    def close(self) -> None:
        """Let go of the range."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        self.network = None
        self._taken.clear()
