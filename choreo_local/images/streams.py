"""Decompression of layers in bounded steps: a bomb is noticed before it fills memory or disk."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

from choreo_local.images.digests import Hasher
from choreo_local.images.failures import InvalidContent

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports.zstd import ZstdDecompressor, ZstdError
else:
    from compression.zstd import ZstdDecompressor, ZstdError

_INPUT = 1 << 16
_OUTPUT = 1 << 18
_GZIP = 31  # zlib's window bits for a gzip header
# Asked of one read, beside the contents of files: headers of archives are far shorter.
_MOST_READ = 4 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}


class _Decompressor(Protocol):
    """One member or frame; `needs_input` when it has given all that it can."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


class _Gzip:
    """One gzip member, in the form of the other decompressors of the standard library."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Plain:
    """No compression."""

    eof, unused_data = False, b""

    def __init__(self) -> None:
        self._kept = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data = self._kept + data
        self._kept = data[max_length:] if max_length >= 0 else b""
        return data[:max_length] if max_length >= 0 else data

    @property
    def needs_input(self) -> bool:
        return not self._kept


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "": _Plain,
    "gzip": _Gzip,
    "zstd": ZstdDecompressor,
}


def sniff(head: bytes) -> str:
    """The compression that a content begins as; layers are served under wrong media types."""
    return _MAGIC.get(head[:2], "")


class LayerStream:
    """A decompressed layer as a file that can be read and skipped forwards, one byte back at most.

    Args:
        hasher: gets everything that is read, to the very end.
        limit: how many bytes it may have.
    """

    def __init__(self, source: BinaryIO, compression: str, *, hasher: Hasher, limit: int) -> None:
        self._source = source
        self._make = _DECOMPRESSORS[compression]
        self._current: _Decompressor | None = self._make()
        self._pending = b""
        self._buffer = memoryview(b"")
        self._last = b""
        self._hasher = hasher
        self._limit = limit
        self._produced = 0
        self._position = 0

    # --- what tarfile asks of a file -------------------------------------------------------------

    def tell(self) -> int:
        """The place of the next byte."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Go forwards, or back by one byte."""
        if whence or position < self._position - 1:
            raise InvalidContent("archive of the layer is malformed: it points backwards")
        if position == self._position - 1 and self._last:
            self._buffer = memoryview(self._last + bytes(self._buffer))
            self._position, self._last = position, b""
        while self._position < position and self._take(position - self._position):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end."""
        if size < 0 or size > _MOST_READ:
            raise InvalidContent("archive of the layer is malformed: a header is too long")
        parts: list[bytes] = []
        while size and (part := self._take(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Read to the end, so that the hash is of everything."""
        while self._take(_OUTPUT):
            pass

    # --- below -----------------------------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        if not self._buffer:
            self._buffer = memoryview(self._produce())
        found = bytes(self._buffer[:size])
        self._buffer = self._buffer[size:]
        if found:
            self._position += len(found)
            self._last = found[-1:]
        return found

    def _produce(self) -> bytes:
        """The next decompressed bytes; empty at the end of the content."""
        while True:
            try:
                data = self._step()
            except (zlib.error, ZstdError, EOFError) as error:
                raise InvalidContent(f"layer cannot be decompressed: {error}") from error
            if data is None:
                return b""
            if data:
                self._produced += len(data)
                if self._produced > self._limit:
                    raise InvalidContent(f"layer is larger than {self._limit} bytes when unpacked")
                self._hasher.update(data)
                return data

    def _step(self) -> bytes | None:
        """Some output, perhaps none; None when there is no more."""
        current = self._current
        if current is None or current.eof:
            rest = (current.unused_data if current else b"") or self._source.read(_INPUT)
            if not rest.strip(b"\0"):  # some writers pad
                if not rest:
                    return None
                self._current = None
                return b""
            self._current, self._pending = self._make(), rest
            return b""
        if current.needs_input and not self._pending:
            self._pending = self._source.read(_INPUT)
            if not self._pending:
                if isinstance(current, _Plain):
                    return None
                raise InvalidContent("layer cannot be decompressed: it ends too early")
        data, self._pending = self._pending, b""
        return current.decompress(data, _OUTPUT)
