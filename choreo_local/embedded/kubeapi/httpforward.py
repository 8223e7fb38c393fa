"""One HTTP request over an open connection; the answer is streamed. For `proxying`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from choreo_local.embedded.kubeapi.messages import Request, StreamingResponse

# Of one connection only, or for us only.
_NOT_FORWARDED = frozenset(
    {"connection", "keep-alive", "upgrade", "te", "trailer", "transfer-encoding"}
    | {"proxy-connection", "proxy-authenticate", "proxy-authorization"}
    | {"host", "content-length", "authorization", "expect"}
)
_NOT_RETURNED = _NOT_FORWARDED | {"content-type"}
_CHUNK = 64 * 1024
_MAX_HEAD_LINES = 500


class ForwardError(ConnectionError):
    """The other end does not answer in HTTP."""


async def forward(
    request: Request,
    target: str,
    host: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> StreamingResponse:
    """Send a request on and begin to answer with what comes back.

    Args:
        request: as it has arrived.
        target: path and query for the other end.
        host: for its Host header.
        reader: of the connection, which belongs to us from now on.
        writer: of the connection.
    """
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    for name, value in request.headers.items():
        if name not in _NOT_FORWARDED:
            lines += [f"{name}: {part}" for part in value.split("\n")]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(request.body)}")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + request.body)
        await writer.drain()
        status, headers = await _read_head(reader)
    except BaseException:
        writer.close()
        raise
    return StreamingResponse(
        status,
        _body(request.method, status, headers, reader, writer),
        headers.get("content-type", ["application/octet-stream"])[0],
        [
            (name, text)
            for name, texts in headers.items()
            if name not in _NOT_RETURNED
            for text in texts
        ],
    )


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, list[str]]]:
    while True:
        try:
            status = int((await reader.readline()).split()[1])
            headers = await _read_headers(reader)
        except (IndexError, ValueError) as error:
            raise ForwardError("the answer is not HTTP") from error
        if status >= 200:
            return status, headers


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for _ in range(_MAX_HEAD_LINES):
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            return headers
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    raise ForwardError("the answer has too many headers")


async def _body(
    method: str,
    status: int,
    headers: dict[str, list[str]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> AsyncIterator[bytes]:
    try:
        # The head goes out at once: the answer may be a stream that says nothing for long.
        yield b""
        if method == "HEAD" or status in (204, 304):
            return
        if "chunked" in headers.get("transfer-encoding", [""])[0].lower():
            chunks = _chunked(reader)
        else:
            length = headers.get("content-length")
            chunks = _plain(reader, int(length[0]) if length and length[0].isdigit() else None)
        async for chunk in chunks:
            yield chunk
    finally:
        writer.close()


async def _plain(reader: asyncio.StreamReader, length: int | None) -> AsyncIterator[bytes]:
    while length is None or length > 0:
        data = await reader.read(_CHUNK if length is None else min(length, _CHUNK))
        if not data:
            return
        yield data
        if length is not None:
            length -= len(data)


async def _chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        size = int((await reader.readline()).split(b";")[0].strip() or b"0", 16)
        if not size:
            return
        async for data in _plain(reader, size):
            yield data
        await reader.readline()
