"""What rules can ask of a packet, and the kinds of data that answer. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import IPv4Address

from choreo_local.embedded.network.isolated.nftables import expressions
from choreo_local.embedded.network.isolated.nftables.expressions import (
    NETWORK_HEADER,
    ORIGINAL,
    TRANSPORT_HEADER,
)

Value = str | int
Key = tuple[Value, ...]
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "sctp": 132}
_NAME_LENGTH = 16
_BITS_OF_TYPE = 6


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data.

    Attributes:
        name: as `nft` calls it.
        number: as `nft` notes it in the kernel, so that it can list what we made.
    """

    name: str
    number: int
    length: int
    packed: Callable[[Value], bytes]

    def text(self, value: Value) -> str:
        """As `nft` writes it."""
        return f'"{value}"' if self is LINK_NAME else str(value)


@lru_cache(maxsize=65536)
def _address(value: Value) -> bytes:
    return IPv4Address(value).packed


def _name(value: Value) -> bytes:
    return str(value).encode().ljust(_NAME_LENGTH, b"\0")


def _protocol(value: Value) -> bytes:
    return bytes([_NUMBERS[str(value)]])


def _port(value: Value) -> bytes:
    return struct.pack(">H", value)


def _word(value: Value) -> bytes:
    return struct.pack("=I", value)


ADDRESS = Kind("ipv4_addr", 7, 4, _address)
PROTOCOL_NUMBER = Kind("inet_proto", 12, 1, _protocol)
PORT = Kind("inet_service", 13, 2, _port)
LINK_NAME = Kind("ifname", 41, _NAME_LENGTH, _name)
CHOICE = Kind("integer", 4, 4, _word)
_STATE = Kind("ct_state", 26, 4, _word)
_STATUS = Kind("ct_status", 28, 4, _word)


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a packet is asked for.

    Attributes:
        load: the expression that loads it into a register.
    """

    text: str
    kind: Kind
    load: Callable[[int], bytes]


SOURCE = Field("ip saddr", ADDRESS, partial(expressions.payload, NETWORK_HEADER, 12, 4))
TARGET = Field("ip daddr", ADDRESS, partial(expressions.payload, NETWORK_HEADER, 16, 4))
TARGET_PORT = Field("th dport", PORT, partial(expressions.payload, TRANSPORT_HEADER, 2, 2))
PROTOCOL = Field("meta l4proto", PROTOCOL_NUMBER, partial(expressions.meta, 16))
LINK = Field("iifname", LINK_NAME, partial(expressions.meta, 6))
STATE = Field("ct state", _STATE, partial(expressions.tracked, 0, None))
STATUS = Field("ct status", _STATUS, partial(expressions.tracked, 2, None))
# Of a connection, as it was begun, whatever has been made of it since.
MEANT = Field("ct original ip daddr", ADDRESS, partial(expressions.tracked, 0x14, ORIGINAL))
MEANT_PORT = Field("ct original proto-dst", PORT, partial(expressions.tracked, 0x0C, ORIGINAL))


def words(kind: Kind) -> int:
    """How many registers a value takes."""
    return -(-kind.length // 4)


def packed(kinds: Sequence[Kind], key: Key) -> bytes:
    """The key of a set, as registers hold it."""
    if len(kinds) == 1:
        return kinds[0].packed(key[0])
    parts = (kind.packed(each) for kind, each in zip(kinds, key, strict=True))
    return b"".join(part + b"\0" * (-len(part) % 4) for part in parts)


def length(kinds: Sequence[Kind]) -> int:
    """How long such a key is."""
    return kinds[0].length if len(kinds) == 1 else sum(4 * words(kind) for kind in kinds)


def type_number(kinds: Sequence[Kind]) -> int:
    """The number of a kind, or of several that make a key together."""
    found = 0
    for kind in kinds:
        found = found << _BITS_OF_TYPE | kind.number
    return found


def text(kinds: Sequence[Kind], key: Key) -> str:
    """A key as `nft` writes it."""
    return " . ".join(kind.text(each) for kind, each in zip(kinds, key, strict=True))
