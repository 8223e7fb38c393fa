"""The kernel's own expressions: the small steps that a rule is made of. Pure.

Registers are numbered by words of four bytes; the numbers below are those of
`linux/netfilter/nf_tables.h`.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from choreo_local.embedded.network.isolated.netlink import attribute

NESTED = 0x8000
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
ORIGINAL = 0
_FIRST_REGISTER, _VERDICT_REGISTER = 8, 0
_LIST_ELEMENT, _NAME, _DATA = 1, 1, 2
_VALUE, _VERDICT = 1, 2
_INVERTED = 1
_IPV4, _DNAT = 2, 1
_UNREACHABLE, _PORT = 0, 3
_NUMBER = struct.Struct(">I")


class Comparison(IntEnum):
    """How a register is compared."""

    EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST = range(6)


class Code(IntEnum):
    """What becomes of a packet."""

    DROP, ACCEPT = 0, 1
    JUMP, GOTO, RETURN = -3, -4, -5


def number(type_: int, value: int) -> bytes:
    """An attribute with a number, as the kernel's packet filter has them."""
    return attribute(type_, _NUMBER.pack(value & 0xFFFFFFFF))


def text(type_: int, value: str) -> bytes:
    """An attribute with a name."""
    return attribute(type_, value.encode() + b"\0")


def nested(type_: int, content: bytes) -> bytes:
    """An attribute that consists of attributes."""
    return attribute(NESTED | type_, content)


def value(type_: int, data: bytes) -> bytes:
    """An attribute with the content of a register."""
    return nested(type_, attribute(_VALUE, data))


def verdict_value(type_: int, code: Code, chain: str = "") -> bytes:
    """The same for what becomes of a packet."""
    content = number(1, code) + (text(2, chain) if chain else b"")
    return nested(type_, nested(_VERDICT, content))


def _expression(name: str, *attributes: bytes) -> bytes:
    content = text(_NAME, name) + nested(_DATA, b"".join(attributes))
    return nested(_LIST_ELEMENT, content)


def _register(type_: int, word: int) -> bytes:
    return number(type_, _FIRST_REGISTER + word)


def payload(base: int, offset: int, length: int, word: int) -> bytes:
    """Load bytes of a header of the packet."""
    place = number(2, base) + number(3, offset) + number(4, length)
    return _expression("payload", _register(1, word), place)


def meta(key: int, word: int) -> bytes:
    """Load what is known of the packet beside its content."""
    return _expression("meta", _register(1, word), number(2, key))


def tracked(key: int, direction: int | None, word: int) -> bytes:
    """Load what is known of the packet's connection."""
    which = b"" if direction is None else attribute(3, bytes([direction]))
    return _expression("ct", _register(1, word), number(2, key), which)


def compare(word: int, how: Comparison, data: bytes) -> bytes:
    """Go on only if a register compares so."""
    return _expression("cmp", _register(1, word), number(2, how), value(3, data))


def masked(word: int, mask: bytes) -> bytes:
    """Clear the bits of a register that a mask lacks."""
    registers = _register(1, word) + _register(2, word) + number(3, len(mask))
    return _expression("bitwise", registers, value(4, mask), value(5, bytes(len(mask))))


def lookup(
    word: int, name: str, *, identifier: int = 0, into: int | None = None, inverted: bool = False
) -> bytes:
    """Go on only if a set has what is in a register; `into` takes what a map says of it."""
    return _expression(
        "lookup",
        text(1, name),
        _register(2, word),
        b"" if into is None else _register(3, into),
        number(4, identifier) if identifier else b"",
        number(5, _INVERTED) if inverted else b"",
    )


def decide(word: int, name: str) -> bytes:
    """Do what a map says of what is in a register; go on if it says nothing."""
    registers = _register(2, word) + number(3, _VERDICT_REGISTER)
    return _expression("lookup", text(1, name), registers)


def constant(word: int, data: bytes) -> bytes:
    """Fill a register."""
    return _expression("immediate", _register(1, word), value(2, data))


def verdict(code: Code, chain: str = "") -> bytes:
    """End here."""
    target = number(1, _VERDICT_REGISTER)
    return _expression("immediate", target, verdict_value(2, code, chain))


def translate(address: int, port: int) -> bytes:
    """Send the connection to the address and port in two registers."""
    kind = number(1, _DNAT) + number(2, _IPV4)
    return _expression("nat", kind, _register(3, address), _register(5, port))


def masquerade() -> bytes:
    """Make the router the sender."""
    return _expression("masq")


def reject() -> bytes:
    """Tell the sender that nothing listens there."""
    return _expression("reject", number(1, _UNREACHABLE), attribute(2, bytes([_PORT])))


def hashed(source: int, length: int, modulus: int, word: int) -> bytes:
    """A number below `modulus`, the same for the same content of a register."""
    registers = _register(1, source) + _register(2, word)
    return _expression(
        "hash", registers, number(3, length), number(4, modulus), number(5, 0), number(7, 0)
    )


def random(modulus: int, word: int) -> bytes:
    """Any number below `modulus`."""
    return _expression("numgen", _register(1, word), number(2, modulus), number(3, 1), number(4, 0))
