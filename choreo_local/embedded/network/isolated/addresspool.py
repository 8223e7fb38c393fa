"""Gives out the addresses of pods. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from choreo_local.errors import ServiceUnavailableError

# The first ones are the router's and this machine's.
_RESERVED = 16


class AddressPool:
    """The addresses of a network; each is somebody's until it is given back."""

    def __init__(self, network: IPv4Network) -> None:
        self._network = network
        self._taken: set[IPv4Address] = set()
        self._cursor = 0

    def take(self, wanted: str = "") -> IPv4Address:
        """An address, the one that is wanted if nobody has it."""
        is_given = wanted and self._is_free(wanted)
        found = IPv4Address(wanted) if is_given else self._next()
        self._taken.add(found)
        return found

    def _is_free(self, address: str) -> bool:
        parsed = IPv4Address(address)
        return parsed in self._network and parsed not in self._taken

    def _next(self) -> IPv4Address:
        usable = self._network.num_addresses - _RESERVED - 1
        for _ in range(usable):
            # The cursor moves on, so that an address rests before it is used again.
            address = self._network.network_address + _RESERVED + self._cursor
            self._cursor = (self._cursor + 1) % usable
            if address not in self._taken:
                return address
        raise ServiceUnavailableError(
            f"cannot give out an address: all of {self._network} are used"
        )

    def release(self, address: IPv4Address) -> None:
        """Let others have it."""
        self._taken.discard(address)
