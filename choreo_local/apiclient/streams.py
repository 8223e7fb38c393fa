"""Answers that arrive line by line, as async iterators of JSON values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from choreo_local.errors import UnreachableError

# A board of thousands of rows is one line; whatever is larger than this is not ours.
_LONGEST_LINE = 256 * 1024 * 1024


async def json_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[Mapping[str, Any]]:
    """The objects of an `application/x-ndjson` body."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        pieces.append(head)
        size += len(head)
        if size > _LONGEST_LINE:
            raise UnreachableError("cannot read the stream: a line is longer than any of ours")
        for following in lines:
            if size:
                yield _decoded(b"".join(pieces))
            pieces, size = [following], len(following)


def _decoded(line: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UnreachableError(f"cannot read the stream: {error}") from error
    if not isinstance(content, dict):
        raise UnreachableError("cannot read the stream: a line is not an object")
    return content
