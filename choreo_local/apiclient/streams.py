"""Answers that arrive line by line, as async iterators of JSON values."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import orjson

from choreo_local.errors import UnreachableError

# A board of thousands of rows is one line; whatever is larger than this is not ours.
_LONGEST_LINE = 256 * 1024 * 1024


class JsonLines:
    """The objects of an `application/x-ndjson` body; ends with it, or with `aclose`.

    No generator: where a program ends in the middle of a stream, the loop closes all generators at
    once, and one that reads from another is then closed twice.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._ready: deque[bytes] = deque()
        self._pieces: list[bytes] = []
        self._size = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Mapping[str, Any]:
        while not self._ready:
            self._take(await anext(self._chunks))
        return _decoded(self._ready.popleft())

    async def aclose(self) -> None:
        """Read no more of the body."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _take(self, chunk: bytes) -> None:
        head, *lines = chunk.split(b"\n")
        self._pieces.append(head)
        self._size += len(head)
        if self._size > _LONGEST_LINE:
            raise UnreachableError("cannot read the stream: a line is longer than any of ours")
        for following in lines:
            if self._size:
                self._ready.append(b"".join(self._pieces))
            self._pieces, self._size = [following], len(following)


def _decoded(line: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UnreachableError(f"cannot read the stream: {error}") from error
    if not isinstance(content, dict):
        raise UnreachableError("cannot read the stream: a line is not an object")
    return content
