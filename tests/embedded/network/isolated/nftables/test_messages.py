"""Messages byte by byte, as `linux/netfilter/nf_tables.h` and `nfnetlink.h` define them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from choreo_local.embedded.network.isolated.nftables import messages
from choreo_local.embedded.network.isolated.nftables.changes import (
    AddChain,
    AddRule,
    AddTable,
    Change,
)
from choreo_local.embedded.network.isolated.nftables.fields import (
    ADDRESS,
    LINK_NAME,
    PORT,
    PROTOCOL_NUMBER,
    TARGET_PORT,
    packed,
)
from choreo_local.embedded.network.isolated.nftables.statements import (
    DROP,
    Between,
    Is,
    Spread,
    Statement,
)
from choreo_local.embedded.network.isolated.nftables.table import Hook

_NESTED = 0x8000
Attributes = list[tuple[int, Any]]


def sent(*changes: Change) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, sequence number and attributes of each message."""
    content, _ = messages.batch(changes)
    found, start = [], 0
    while start < len(content):
        length, type_, flags, sequence, port = struct.unpack_from("=IHHII", content, start)
        assert port == 0
        assert length % 4 == 0
        found.append((type_, flags, sequence, content[start + 16 : start + length]))
        start += length
    return found


def attributes(data: bytes) -> Attributes:
    return list(_attributes(data))


def _attributes(data: bytes) -> Iterator[tuple[int, Any]]:
    start = 0
    while start < len(data):
        length, type_ = struct.unpack_from("=HH", data, start)
        body = data[start + 4 : start + length]
        yield type_ & ~_NESTED, attributes(body) if type_ & _NESTED else body
        start += (length + 3) & ~3


def test_a_transaction_is_framed_and_only_its_last_message_is_answered() -> None:
    begin, table, chain, end = sent(AddTable("t"), AddChain("t", "c", None))
    assert begin == (16, 1, 0, struct.pack(">BBH", 0, 0, 10))
    assert end == (17, 1, 3, struct.pack(">BBH", 0, 0, 10))
    assert (table[0], table[1], table[2]) == (10 << 8 | 0, 0x401, 1)
    assert (chain[0], chain[1], chain[2]) == (10 << 8 | 3, 0x405, 2)
    assert table[3][:4] == b"\x02\0\0\0"


def test_a_chain_with_a_hook() -> None:
    _, message, _ = sent(AddChain("t", "c", Hook("nat", "prerouting", -100)))
    assert attributes(message[3][4:]) == [
        (1, b"t\0"),
        (3, b"c\0"),
        (4, [(1, b"\0\0\0\0"), (2, b"\xff\xff\xff\x9c")]),
        (5, b"\0\0\0\1"),
        (7, b"nat\0"),
    ]


def rule(*statements: Statement) -> list[tuple[str, Any]]:
    """Name and attributes of the expressions of a rule."""
    *_, message, _ = sent(AddRule("t", "c", statements))
    found = dict(attributes(message[3][4:]))
    return [(each[0][1].rstrip(b"\0").decode(), each[1][1]) for _, each in found[4]]


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def test_a_range_of_ports_is_loaded_once_and_compared_twice() -> None:
    assert rule(Between(TARGET_PORT, 80, 90), DROP) == [
        ("payload", [(1, number(8)), (2, number(2)), (3, number(2)), (4, number(2))]),
        ("cmp", [(1, number(8)), (2, number(5)), (3, [(1, b"\0\x50")])]),
        ("cmp", [(1, number(8)), (2, number(3)), (3, [(1, b"\0\x5a")])]),
        ("immediate", [(1, number(0)), (2, [(2, [(1, number(0))])])]),
    ]


def test_places_are_a_map_that_belongs_to_the_rule() -> None:
    spread = Spread((("10.0.0.1", 80), ("10.0.0.2", 81)))
    _, made, filled, last, _ = sent(AddRule("t", "c", (spread,)))
    assert [each[0] & 0xFF for each in (made, filled, last)] == [9, 12, 6]
    described, content = dict(attributes(made[3][4:])), dict(attributes(filled[3][4:]))
    assert described[2] == content[2] == b"__map%d\0"
    assert described[10] == content[4] == number(1)
    assert content[3] == [
        (1, [(1, [(1, struct.pack("=I", 0))]), (2, [(1, b"\x0a\0\0\1\0\x50\0\0")])]),
        (1, [(1, [(1, struct.pack("=I", 1))]), (2, [(1, b"\x0a\0\0\2\0\x51\0\0")])]),
    ]
    assert rule(spread) == [
        ("numgen", [(1, number(8)), (2, number(2)), (3, number(1)), (4, number(0))]),
        ("lookup", [(1, b"__map%d\0"), (2, number(8)), (3, number(8)), (4, number(1))]),
        ("nat", [(1, number(1)), (2, number(2)), (3, number(8)), (5, number(9))]),
    ]


def test_values_are_compared_in_the_order_in_which_packets_have_them() -> None:
    assert rule(Is(TARGET_PORT, 443))[1][1][2] == (3, [(1, b"\x01\xbb")])


def test_keys_of_several_fields_are_padded_to_registers() -> None:
    key = ("127.0.0.9", "udp", 53)
    assert packed((ADDRESS, PROTOCOL_NUMBER, PORT), key) == bytes(
        [127, 0, 0, 9, 17, 0, 0, 0, 0, 53, 0, 0]
    )
    assert packed((LINK_NAME, ADDRESS), ("pod1", "10.0.0.1")) == b"pod1" + bytes(12) + b"\x0a\0\0\1"
