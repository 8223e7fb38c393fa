"""What messages of netlink are made of, whatever they are about. Pure."""

from __future__ import annotations

import struct

REQUEST, ACKNOWLEDGE = 0x1, 0x4
REPLACE, EXCLUSIVE, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
ERROR = 2
HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


def attribute(type_: int, data: bytes) -> bytes:
    """One attribute, padded."""
    length = 4 + len(data)
    return _ATTRIBUTE.pack(length, type_) + data + b"\0" * (-length % 4)


def message(type_: int, body: bytes, *, flags: int, sequence: int) -> bytes:
    """A whole message to the kernel."""
    return HEADER.pack(16 + len(body), type_, REQUEST | flags, sequence, 0) + body
