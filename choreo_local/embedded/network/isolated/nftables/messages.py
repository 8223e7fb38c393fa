"""Changes of tables as messages to the kernel. Pure.

Numbers are those of `linux/netfilter/nf_tables.h` and `nfnetlink.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from choreo_local.embedded.network.isolated import netlink
from choreo_local.embedded.network.isolated.netlink import ACKNOWLEDGE, APPEND, CREATE
from choreo_local.embedded.network.isolated.nftables import fields
from choreo_local.embedded.network.isolated.nftables.changes import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    Change,
    EmptyChain,
    RemoveChain,
    RemoveElements,
    RemoveSet,
    RemoveTable,
)
from choreo_local.embedded.network.isolated.nftables.expressions import (
    nested,
    number,
    text,
    value,
    verdict_value,
)
from choreo_local.embedded.network.isolated.nftables.fields import ADDRESS, CHOICE, PORT
from choreo_local.embedded.network.isolated.nftables.statements import (
    ANONYMOUS_MAP,
    Rule,
    Spread,
    Verdict,
)
from choreo_local.embedded.network.isolated.nftables.table import Hook, Set

_SUBSYSTEM = 10
_BEGIN, _END = 16, 17
_NEW_TABLE, _DEL_TABLE, _NEW_CHAIN, _DEL_CHAIN, _NEW_RULE, _DEL_RULE = 0, 2, 3, 5, 6, 8
_NEW_SET, _DEL_SET, _NEW_ELEMENTS, _DEL_ELEMENTS = 9, 11, 12, 14
_IPV4 = 2
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
_ACCEPT = 1
_ANONYMOUS, _CONSTANT, _MAP = 0x1, 0x2, 0x8
_VERDICT_DATA = 0xFFFFFF00
# How `nft` notes that numbers are in the order of this machine.
_KEY_ORDER_OF_MACHINE = struct.pack("=BBI", 0, 4, 1)

_Content = tuple[int, int, bytes]


def batch(changes: Iterable[Change]) -> tuple[bytes, dict[int, Change]]:
    """One transaction, and which change each of its messages belongs to.

    The kernel tells of the end of the last one, or of all that it refuses.
    """
    pieces = [_frame(_BEGIN, 0)]
    origins: dict[int, Change] = {}
    pending: tuple[int, int, bytes, int] | None = None
    for change in changes:
        for kind, flags, body in _contents(change, identifier=len(origins) + 1):
            if pending:
                pieces.append(_message(*pending))
            sequence = len(origins) + 1
            origins[sequence] = change
            pending = (kind, flags, body, sequence)
    if pending:
        kind, flags, body, sequence = pending
        pieces.append(_message(kind, flags | ACKNOWLEDGE, body, sequence))
    pieces.append(_frame(_END, len(origins) + 1))
    return b"".join(pieces), origins


def _frame(type_: int, sequence: int) -> bytes:
    body = struct.pack(">BBH", 0, 0, _SUBSYSTEM)
    return netlink.message(type_, body, flags=0, sequence=sequence)


def _message(kind: int, flags: int, body: bytes, sequence: int) -> bytes:
    header = struct.pack(">BBH", _IPV4, 0, 0)
    type_ = _SUBSYSTEM << 8 | kind
    return netlink.message(type_, header + body, flags=flags, sequence=sequence)


def _contents(change: Change, identifier: int) -> Iterator[_Content]:
    """The messages of a change: what they do, flags, attributes."""
    match change:
        case AddTable(table):
            yield _NEW_TABLE, CREATE, text(1, table) + number(2, 0)
        case RemoveTable(table):
            yield _DEL_TABLE, 0, text(1, table)
        case AddSet(table, name, added):
            yield _NEW_SET, CREATE, _set(table, name, added, identifier)
        case RemoveSet(table, name):
            yield _DEL_SET, 0, text(1, table) + text(2, name)
        case AddElements(table, name, kinds, elements):
            content = (_element(fields.packed(kinds, key), verdict) for key, verdict in elements)
            yield _NEW_ELEMENTS, CREATE, _of_set(table, name, content)
        case RemoveElements(table, name, kinds, elements):
            content = (_element(fields.packed(kinds, key)) for key, _ in elements)
            yield _DEL_ELEMENTS, 0, _of_set(table, name, content)
        case AddChain(table, name, hook):
            yield _NEW_CHAIN, CREATE, text(1, table) + text(3, name) + _hook(hook)
        case EmptyChain(table, name):
            yield _DEL_RULE, 0, text(1, table) + text(2, name)
        case RemoveChain(table, name):
            yield _DEL_CHAIN, 0, text(1, table) + text(3, name)
        case AddRule(table, chain, rule):
            yield from _rule(table, chain, rule, identifier)


def _hook(hook: Hook | None) -> bytes:
    if hook is None:
        return b""
    place = number(1, _HOOKS[hook.point]) + number(2, hook.priority)
    return nested(4, place) + number(5, _ACCEPT) + text(7, hook.kind)


def _set(table: str, name: str, added: Set, identifier: int) -> bytes:
    head = text(1, table) + text(2, name) + number(3, _MAP if added.is_map else 0)
    key = number(4, fields.type_number(added.kinds)) + number(5, fields.length(added.kinds))
    data = number(6, _VERDICT_DATA) + number(7, 0) if added.is_map else b""
    return head + key + data + number(10, identifier)


def _element(key: bytes, verdict: Verdict | None = None) -> bytes:
    data = verdict_value(2, verdict.code, verdict.chain) if verdict else b""
    return nested(1, value(1, key) + data)


def _of_set(table: str, name: str, elements: Iterable[bytes], identifier: int = 0) -> bytes:
    head = text(1, table) + text(2, name)
    head += number(4, identifier) if identifier else b""
    return head + nested(3, b"".join(elements))


def _rule(table: str, chain: str, rule: Rule, identifier: int) -> Iterator[_Content]:
    """A rule, after the map that belongs to it."""
    for spread in rule:
        if isinstance(spread, Spread):
            yield from _map_of_rule(table, spread, identifier)
    content = b"".join(each.expressions(identifier) for each in rule)
    body = text(1, table) + text(2, chain) + nested(4, content)
    yield _NEW_RULE, CREATE | APPEND, body


def _map_of_rule(table: str, spread: Spread, identifier: int) -> Iterator[_Content]:
    elements = spread.elements()
    data = (ADDRESS, PORT)
    flags = _ANONYMOUS | _CONSTANT | _MAP
    yield (
        _NEW_SET,
        CREATE,
        text(1, table)
        + text(2, ANONYMOUS_MAP)
        + number(3, flags)
        + number(4, CHOICE.number)
        + number(5, CHOICE.length)
        + number(6, fields.type_number(data))
        + number(7, fields.length(data))
        + nested(9, number(1, len(elements)))
        + number(10, identifier)
        + netlink.attribute(13, _KEY_ORDER_OF_MACHINE),
    )
    content = (nested(1, value(1, key) + value(2, place)) for key, place in elements)
    yield _NEW_ELEMENTS, CREATE, _of_set(table, ANONYMOUS_MAP, content, identifier)
