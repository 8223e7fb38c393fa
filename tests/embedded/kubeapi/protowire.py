"""A writer of protobuf messages, for tests of the reader: numbers of fields and values."""

from __future__ import annotations

from collections.abc import Sequence

Value = int | str | bytes


def varint(number: int) -> bytes:
    """A number in groups of seven bits, negative ones as 64 bits."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(*fields: tuple[int, Value]) -> bytes:
    """A message: numbers become varints, texts and bytes have a length before them."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def entries(number: int, values: Sequence[tuple[str, Value]]) -> list[tuple[int, Value]]:
    """A map: one message with key and value for each entry."""
    return [(number, message((1, key), (2, value))) for key, value in values]


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """A message as clients send it."""
    type_meta = message((1, api_version), (2, kind))
    return b"k8s\x00" + message((1, type_meta), (2, raw))
