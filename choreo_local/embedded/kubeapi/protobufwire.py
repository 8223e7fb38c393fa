"""The wire format of protobuf, as far as writers need it: numbers, lengths, tags."""

from __future__ import annotations

_VARINT, _BYTES = 0, 2
_MASK = (1 << 64) - 1


def varint(number: int) -> bytes:
    """A whole number, seven bits a byte; negative ones as 64 bits."""
    number &= _MASK
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(field: int, wire: int) -> bytes:
    """What goes before the value of a field."""
    return varint(field << 3 | wire)


def tagged(field: int, data: bytes) -> bytes:
    """A field that holds a text, bytes or a message."""
    return tag(field, _BYTES) + varint(len(data)) + data


def whole(field: int, value: int) -> bytes:
    """A field that holds a whole number or a flag."""
    return tag(field, _VARINT) + varint(value)
