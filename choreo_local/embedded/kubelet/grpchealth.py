"""The health question of gRPC, `grpc.health.v1.Health/Check`, in the little HTTP/2 that it needs.

One request, one answer, then the connection is closed: a library for gRPC would be the largest
dependency of the node.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.kubelet.probes import Answer

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
_END_STREAM, _END_HEADERS, _ACK, _PADDED = 0x1, 0x4, 0x1, 0x8
_LONGEST_FRAME = 1 << 16
_MOST_FRAMES = 64
_SERVING = 1
_STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


@dataclass(frozen=True, slots=True)
class _Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


async def check(host: str, port: int, *, service: str = "", pods: Dialing = DIRECTLY) -> Answer:
    """Whether the service (the whole server when empty) says that it is serving."""
    where = f"{host}:{port}"
    try:
        reader, writer = await dialing.open_connection(pods, host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        return Answer(
            success=False,
            message=f'timeout: failed to connect service "{where}" within its period: {reason}',
        )
    try:
        writer.write(_request(where, service))
        return _verdict(await _response(reader, writer))
    except (OSError, EOFError, ValueError) as error:
        return Answer(success=False, message=f'error: health rpc to "{where}" failed: {error}')
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _request(authority: str, service: str) -> bytes:
    name = service.encode()
    message = (b"\x0a" + _varint(len(name)) + name) if name else b""
    body = b"\0" + len(message).to_bytes(4, "big") + message
    headers = b"".join(
        _header(key, value)
        for key, value in (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "kube-probe/1.36"),
        )
    )
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, 1, headers)
        + _frame(_DATA, _END_STREAM, 1, body)
    )


def _header(name: str, value: str) -> bytes:
    """A literal header field without indexing and without Huffman coding (RFC 7541 §6.2.2)."""
    key, text = name.encode(), value.encode()
    return b"\0" + _prefixed(len(key)) + key + _prefixed(len(text)) + text


def _prefixed(number: int) -> bytes:
    """An integer with a prefix of seven bits (RFC 7541 §5.1)."""
    if number < 127:
        return bytes([number])
    return b"\x7f" + _varint(number - 127)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


async def _read_frame(reader: asyncio.StreamReader) -> _Frame:
    head = await reader.readexactly(9)
    length = int.from_bytes(head[:3], "big")
    if length > _LONGEST_FRAME:
        raise ValueError("frame too large")
    payload = await reader.readexactly(length)
    return _Frame(head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, payload)


async def _response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The data of the answer; empty when the server answered with headers only."""
    data = b""
    for _ in range(_MOST_FRAMES):
        frame = await _read_frame(reader)
        if frame.kind in {_RST_STREAM, _GOAWAY}:
            raise ValueError("the server ended the call")
        if frame.kind in {_SETTINGS, _PING} and not frame.flags & _ACK:
            writer.write(_frame(frame.kind, _ACK, 0, frame.payload if frame.kind == _PING else b""))
        if frame.stream == 1 and frame.kind == _DATA:
            data += _unpadded(frame)
        if frame.stream == 1 and frame.flags & _END_STREAM and frame.kind in {_DATA, _HEADERS}:
            return data
    raise ValueError("the server does not answer the call")


def _unpadded(frame: _Frame) -> bytes:
    if not frame.flags & _PADDED:
        return frame.payload
    return frame.payload[1 : len(frame.payload) - frame.payload[0]]


def _verdict(data: bytes) -> Answer:
    if len(data) < 5:
        message = "error: this server does not implement the grpc health protocol"
        return Answer(success=False, message=f"{message} (grpc.health.v1.Health)")
    message_bytes = data[5 : 5 + int.from_bytes(data[1:5], "big")]
    # A HealthCheckResponse has one field, the state; the default is left out on the wire.
    state = message_bytes[1] if len(message_bytes) >= 2 and message_bytes[0] == 0x08 else 0
    if state == _SERVING:
        return Answer(success=True, message="service healthy")
    name = _STATES.get(state, str(state))
    return Answer(success=False, message=f'service unhealthy (responded with "{name}")')
