"""DNS messages (RFC 1035) as far as a cluster's server needs them. Pure and bounded."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_FIXED = struct.Struct("!2HIH")
_LONGEST_NAME = 255
_CLASS_IN = 1
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION = 0x8400, 0x0400, 0x0200, 0x0080
_LEAST_PAYLOAD, _UDP_PAYLOAD = 512, 1232


class Type(IntEnum):
    """Record types."""

    A = 1
    CNAME = 5
    SOA = 6
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41


class Code(IntEnum):
    """Response codes."""

    OK = 0
    FORMAT = 1
    FAILURE = 2
    NO_SUCH_NAME = 3
    NOT_IMPLEMENTED = 4
    REFUSED = 5


class WireError(ValueError):
    """The bytes are no DNS query."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question; the name is lower case without the last dot.

    Attributes:
        payload: how long an answer over UDP may be.
        spelled: the name as it was asked, which answers repeat.
        is_extended: whether the client speaks EDNS, so that the answer must too.
    """

    id: int
    name: str
    type: int
    recursive: bool
    payload: int
    spelled: bytes
    is_extended: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An answer; `data` is text: an address, a name, for SRV `priority weight port name`.

    For SOA it is `server mailbox serial refresh retry expire minimum`.
    """

    name: str
    type: Type
    data: str
    ttl: int = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer.

    Attributes:
        authority: whose business a name is of which there is nothing to tell.
        onward: a name outside of the cluster that an alias leads to; its addresses are missing yet.
    """

    code: Code = Code.OK
    records: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    authoritative: bool = True
    onward: str = ""


def parse_query(data: bytes) -> Query:
    """Read a query with exactly one question."""
    if len(data) < _HEADER.size:
        raise WireError("too short")
    id_, flags, questions, _, _, additional = _HEADER.unpack_from(data)
    if flags & 0x8000 or (flags >> 11) & 0xF or questions != 1:
        raise WireError("not a standard query with one question")
    labels, end = _parse_labels(data, _HEADER.size)
    if len(data) < end + _QUESTION.size:
        raise WireError("the question is cut off")
    type_, _ = _QUESTION.unpack_from(data, end)
    name = ".".join(label.decode("latin-1").lower() for label in labels)
    spelled = data[_HEADER.size : end]
    offered = _payload(data, end + _QUESTION.size) if additional else None
    payload = _LEAST_PAYLOAD if offered is None else offered
    recursive = bool(flags & 0x0100)
    return Query(id_, name, type_, recursive, payload, spelled, is_extended=offered is not None)


def _parse_labels(data: bytes, position: int) -> tuple[list[bytes], int]:
    labels: list[bytes] = []
    start = position
    while position < len(data):
        length = data[position]
        position += 1
        if length == 0:
            return labels, position
        # A question comes first, so there is nothing that a compressed name could point to.
        if length > 63 or position + length > len(data) or position - start > _LONGEST_NAME:
            break
        labels.append(data[position : position + length])
        position += length
    raise WireError("bad name")


def _payload(data: bytes, position: int) -> int | None:
    """The size that an EDNS record right after the question offers; None without such a record."""
    if len(data) >= position + 11 and data[position] == 0:
        type_, size = _QUESTION.unpack_from(data, position + 1)
        if type_ == Type.OPT:
            return min(max(int(size), _LEAST_PAYLOAD), _UDP_PAYLOAD)
    return None


def build_reply(query: Query, reply: Reply, *, limit: int | None = None) -> bytes:
    """The answer; with a limit, records are left out and the client told so if it is too long.

    What helps but was not asked for is left out first, and silently.
    """
    full = _message(query, reply)
    if limit is None or len(full) <= limit:
        return full
    short = replace(reply, authority=(), additional=())
    full = _message(query, short)
    if len(full) <= limit:
        return full
    room = limit - len(_message(query, replace(short, records=())))
    kept = 0
    for record in reply.records:
        room -= len(_record(query, record))
        if room < 0:
            break
        kept += 1
    return _message(query, replace(short, records=reply.records[:kept]), truncated=True)


def _message(query: Query, reply: Reply, *, truncated: bool = False) -> bytes:
    flags = _RESPONSE if reply.authoritative else _RESPONSE & ~_AUTHORITATIVE
    flags |= _RECURSION | (0x0100 if query.recursive else 0) | reply.code
    flags |= _TRUNCATED if truncated else 0
    extra = int(query.is_extended)
    counts = (1, len(reply.records), len(reply.authority), len(reply.additional) + extra)
    parts = [
        _HEADER.pack(query.id, flags, *counts),
        query.spelled,
        _QUESTION.pack(query.type, _CLASS_IN),
    ]
    told = (*reply.records, *reply.authority, *reply.additional)
    parts += [_record(query, record) for record in told]
    parts += [b"\0" + _FIXED.pack(Type.OPT, _UDP_PAYLOAD, 0, 0)] * extra
    return b"".join(parts)


def _record(query: Query, record: Record) -> bytes:
    # The name of most answers is that of the question: a pointer to it.
    name = b"\xc0\x0c" if record.name == query.name else encode_name(record.name)
    data = _data(record)
    return name + _FIXED.pack(record.type, _CLASS_IN, record.ttl, len(data)) + data


def _data(record: Record) -> bytes:
    match record.type:
        case Type.A | Type.AAAA:
            return ipaddress.ip_address(record.data).packed
        case Type.SRV:
            priority, weight, port, name = record.data.split(" ")
            return struct.pack("!3H", int(priority), int(weight), int(port)) + encode_name(name)
        case Type.SOA:
            server, mailbox, *numbers = record.data.split(" ")
            packed = struct.pack("!5I", *(int(each) for each in numbers))
            return encode_name(server) + encode_name(mailbox) + packed
        case Type.TXT:
            text = record.data.encode()[:255]
            return bytes([len(text)]) + text
    return encode_name(record.data)


def encode_name(name: str) -> bytes:
    """A name without compression."""
    labels: Sequence[bytes] = [label.encode("latin-1") for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
