"""DNS messages (RFC 1035) as far as a cluster's server needs them. Pure and bounded."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_FIXED = struct.Struct("!2HIH")
_LONGEST_NAME = 255
_CLASS_IN = 1
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION = 0x8400, 0x0400, 0x0200, 0x0080
_UDP_PAYLOAD = 1232


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
    """

    id: int
    name: str
    type: int
    recursive: bool
    payload: int
    spelled: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """An answer; `data` is text: an address, a name, or for SRV `priority weight port name`."""

    name: str
    type: Type
    data: str
    ttl: int = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer."""

    code: Code = Code.OK
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    authoritative: bool = True


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
    payload = _payload(data, end + _QUESTION.size) if additional else 512
    return Query(id_, name, type_, bool(flags & 0x0100), payload, spelled)


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


def _payload(data: bytes, position: int) -> int:
    """The size that an EDNS record right after the question offers."""
    if len(data) >= position + 11 and data[position] == 0:
        type_, size = _QUESTION.unpack_from(data, position + 1)
        if type_ == Type.OPT:
            return min(max(int(size), 512), _UDP_PAYLOAD)
    return 512


def build_reply(query: Query, reply: Reply, *, limit: int | None = None) -> bytes:
    """The answer; with a limit, records are left out and the client told so if it is too long."""
    full = _message(query, reply, truncated=False)
    if limit is None or len(full) <= limit:
        return full
    return _message(query, Reply(reply.code, authoritative=reply.authoritative), truncated=True)


def _message(query: Query, reply: Reply, *, truncated: bool) -> bytes:
    flags = _RESPONSE if reply.authoritative else _RESPONSE & ~_AUTHORITATIVE
    flags |= _RECURSION | (0x0100 if query.recursive else 0) | reply.code
    flags |= _TRUNCATED if truncated else 0
    counts = (1, len(reply.records), 0, len(reply.additional))
    parts = [
        _HEADER.pack(query.id, flags, *counts),
        query.spelled,
        _QUESTION.pack(query.type, _CLASS_IN),
    ]
    parts += [_record(query, record) for record in (*reply.records, *reply.additional)]
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
        case Type.TXT:
            text = record.data.encode()[:255]
            return bytes([len(text)]) + text
    return encode_name(record.data)


def encode_name(name: str) -> bytes:
    """A name without compression."""
    labels: Sequence[bytes] = [label.encode("latin-1") for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
