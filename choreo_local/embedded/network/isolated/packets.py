"""Datagrams of UDP as packets of IPv4, as a link of layer 3 carries them. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

_HEADER, _UDP_HEADER = 20, 8
_UDP = 17
_VERSION, _TIME_TO_LIVE = 4, 64
_FRAGMENT = 0x3FFF
LARGEST = 65535 - _HEADER - _UDP_HEADER
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """Who sends what to whom."""

    source: Place
    target: Place
    data: bytes


def parse(packet: bytes) -> Datagram | None:
    """The datagram of a packet; None for everything else, also for a part of one."""
    if len(packet) < _HEADER or packet[0] >> 4 != _VERSION or packet[9] != _UDP:
        return None
    start = (packet[0] & 0xF) * 4
    total, fragment = struct.unpack_from("!H2xH", packet, 2)
    if start < _HEADER or fragment & _FRAGMENT or total > len(packet):
        return None
    if total < start + _UDP_HEADER:
        return None
    source_port, target_port, length = struct.unpack_from("!HHH", packet, start)
    if not _UDP_HEADER <= length <= total - start:
        return None
    source, target = (str(IPv4Address(packet[place : place + 4])) for place in (12, 16))
    data = packet[start + _UDP_HEADER : start + length]
    return Datagram((source, source_port), (target, target_port), data)


def build(datagram: Datagram) -> bytes:
    """The packet of a datagram."""
    length = _UDP_HEADER + len(datagram.data)
    header = struct.pack(
        "!BBHHHBBH4s4s",
        *(_VERSION << 4 | _HEADER // 4, 0, _HEADER + length, 0, 0),
        *(_TIME_TO_LIVE, _UDP, 0),
        *(IPv4Address(address).packed for address, _ in (datagram.source, datagram.target)),
    )
    header = header[:10] + struct.pack("!H", _checksum(header)) + header[12:]
    # The datagram itself needs no checksum: it does not leave this machine.
    ports = struct.pack("!HHHH", datagram.source[1], datagram.target[1], length, 0)
    return header + ports + datagram.data


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
