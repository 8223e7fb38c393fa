"""The output of containers on disk: written with times, bounded by rotation, read and followed.

Each line is stored as container runtimes do it: `<time> <stream> <F or P> <text>`, where P marks a
piece of a line that goes on in the next record.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from choreo_local import clock

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
_LONGEST_RECORD = 16 * 1024
_BLOCK = 1 << 16


class LogOptions(Protocol):
    """Which lines are wanted, in the vocabulary of the kube API."""

    @property
    def follow(self) -> bool: ...

    @property
    def previous(self) -> bool: ...

    @property
    def since(self) -> datetime | None: ...

    @property
    def tail_lines(self) -> int | None: ...

    @property
    def limit_bytes(self) -> int | None: ...

    @property
    def timestamps(self) -> bool: ...

    @property
    def stream(self) -> str: ...


class LogFile:
    """The log of one attempt at a container, open for writing.

    When it has grown to `max_bytes` it is renamed and begun anew; at most `max_files` are kept.
    """

    def __init__(
        self,
        path: Path,
        on_close: Callable[[LogFile], None],
        *,
        max_bytes: int = MAX_BYTES,
        max_files: int = MAX_FILES,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.is_open = True
        self._on_close = on_close
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._rests: dict[str, bytes] = {}
        self._followers: set[asyncio.Event] = set()

    def write(self, stream: str, data: bytes) -> None:
        """Append output; a line that has not ended yet is kept back."""
        mark = _mark(stream)
        lines, newline, rest = (self._rests.pop(stream, b"") + data).rpartition(b"\n")
        records = [_records(mark, lines)] if newline else []
        while len(rest) >= _LONGEST_RECORD:
            records.append(mark + b"P " + rest[:_LONGEST_RECORD] + b"\n")
            rest = rest[_LONGEST_RECORD:]
        if rest:
            self._rests[stream] = rest
        self._append(b"".join(records))

    def close(self) -> None:
        """Write what was kept back; nothing more will come."""
        if not self.is_open:
            return
        for stream, rest in self._rests.items():
            self._append(_records(_mark(stream), rest))
        self._rests.clear()
        self.is_open = False
        self._file.close()
        self._on_close(self)
        self._tell()

    def _append(self, records: bytes) -> None:
        if not records:
            return
        # A full disk must not end the container; what cannot be written is lost, as elsewhere.
        with contextlib.suppress(OSError):
            self._file.write(records)
            self._size += len(records)
            if self._size >= self._max_bytes:
                self._rotate()
        self._tell()

    def _rotate(self) -> None:
        self._file.close()
        moment = clock.now().strftime("%Y%m%d-%H%M%S.%f")
        self.path.rename(self.path.with_name(f"{self.path.name}.{moment}"))
        for old in segments(self.path)[: -self._max_files + 1]:
            old.unlink(missing_ok=True)
        self._file = self.path.open("ab", buffering=0)
        self._size = 0

    def _tell(self) -> None:
        for event in self._followers:
            event.set()

    @contextlib.contextmanager
    def followed(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is more to read."""
        event = asyncio.Event()
        self._followers.add(event)
        try:
            yield event
        finally:
            self._followers.discard(event)


def _mark(stream: str) -> bytes:
    return f"{clock.micro_timestamp()} {stream} ".encode()


def _records(mark: bytes, lines: bytes) -> bytes:
    """Whole lines, without the last newline, as they are stored."""
    separate = lines.split(b"\n")
    if max(map(len, separate)) > _LONGEST_RECORD:
        return b"".join(mark + piece for line in separate for piece in _pieces(line))
    # One replacement for all lines: a program may write tens of thousands of short ones at once.
    head = mark + b"F "
    return head + lines.replace(b"\n", b"\n" + head) + b"\n"


def _pieces(line: bytes) -> Iterator[bytes]:
    while len(line) > _LONGEST_RECORD:
        yield b"P " + line[:_LONGEST_RECORD] + b"\n"
        line = line[_LONGEST_RECORD:]
    yield b"F " + line + b"\n"


def text_of(record: bytes) -> bytes:
    """The text of a stored record, without time, stream and flag."""
    return record.split(b" ", 3)[-1]


def segments(path: Path) -> list[Path]:
    """The files that make up a log, oldest first."""
    rotated = sorted(path.parent.glob(f"{path.name}.*"))
    return [*rotated, path] if path.exists() else rotated


class LogBook:
    """All logs of a node: knows which are being written, so that readers can follow them."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._open: dict[Path, LogFile] = {}

    def create(self, path: Path) -> LogFile:
        """Begin the log of an attempt."""
        log = LogFile(path, self._closed, max_bytes=self._max_bytes, max_files=self._max_files)
        self._open[path] = log
        return log

    def _closed(self, log: LogFile) -> None:
        if self._open.get(log.path) is log:
            del self._open[log.path]

    async def read(self, path: Path, options: LogOptions) -> AsyncIterator[bytes]:
        """The lines that are wanted, in pieces of any size."""
        selection = _Selection(options)
        log = self._open.get(path) if options.follow else None
        with log.followed() if log else contextlib.nullcontext() as more:
            async for block in _blocks(path, options.tail_lines, log=log, more=more):
                chosen = selection.choose(block)
                if chosen:
                    yield chosen
                if selection.is_full:
                    return


async def _blocks(
    path: Path, tail_lines: int | None, *, log: LogFile | None, more: asyncio.Event | None
) -> AsyncIterator[bytes]:
    """Whole records, as many at a time as there are."""
    reader = _Reader(path, tail_lines)
    try:
        while True:
            if more is not None:
                more.clear()
            while block := reader.read():
                yield block
                # The loop has other work than a long log.
                await asyncio.sleep(0)
            if log is None or more is None or not log.is_open:
                return
            await more.wait()
    finally:
        reader.close()


class _Reader:
    """Reads the files of a log one after the other; knows when the last one was rotated."""

    def __init__(self, path: Path, tail_lines: int | None) -> None:
        self._path = path
        self._waiting = segments(path)
        self._file: BinaryIO | None = None
        self._rest = b""
        if tail_lines is not None:
            self._skip_to_tail(tail_lines)

    def _skip_to_tail(self, lines: int) -> None:
        kept: list[tuple[Path, int]] = []
        for path in reversed(self._waiting):
            offset, found = tail_offset(path, lines)
            kept.insert(0, (path, offset))
            lines -= found
            if lines <= 0:
                break
        self._waiting = [path for path, _ in kept]
        if kept:
            self._next()
            if self._file is not None:
                self._file.seek(kept[0][1])

    def read(self) -> bytes:
        """The next records; empty when there are no more at the moment."""
        while True:
            block = self._file.read(_BLOCK) if self._file else b""
            if block:
                records, newline, self._rest = (self._rest + block).rpartition(b"\n")
                if newline:
                    return records + newline
            elif not self._next():
                return b""

    def _next(self) -> bool:
        if self._waiting:
            self.close()
            self._file = self._waiting.pop(0).open("rb")
            return True
        if self._file is None or not self._is_rotated():
            return False
        current = os.fstat(self._file.fileno()).st_ino
        inodes = [(path, path.stat().st_ino) for path in segments(self._path)]
        position = next((i for i, (_, inode) in enumerate(inodes) if inode == current), -1)
        self._waiting = [path for path, _ in inodes[position + 1 :]]
        return self._next()

    def _is_rotated(self) -> bool:
        if self._file is None or not self._path.exists():
            return False
        return os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None


def tail_offset(path: Path, lines: int) -> tuple[int, int]:
    """Where the last `lines` records of a file begin, and how many there are from there on."""
    size = path.stat().st_size
    if lines <= 0:
        return size, 0
    found, position = 0, size
    with path.open("rb") as file:
        while position > 0:
            start = max(0, position - _BLOCK)
            file.seek(start)
            block = file.read(position - start)
            end = len(block)
            while (end := block.rfind(b"\n", 0, end)) >= 0:
                # The newline that ends the file ends a record and begins none.
                if start + end + 1 == size:
                    continue
                found += 1
                if found == lines:
                    return start + end + 1, lines
            position = start
    return 0, found + (1 if size else 0)


@dataclass(slots=True)
class _Selection:
    """Chooses among records and takes off what the caller does not want to see."""

    options: LogOptions
    sent: int = 0
    at_line_start: bool = True

    @property
    def is_full(self) -> bool:
        limit = self.options.limit_bytes
        return limit is not None and self.sent >= limit

    def choose(self, records: bytes) -> bytes:
        pieces = [self._shown(record) for record in records.split(b"\n") if record]
        chosen = b"".join(pieces)
        if self.options.limit_bytes is not None:
            chosen = chosen[: self.options.limit_bytes - self.sent]
        self.sent += len(chosen)
        return chosen

    def _shown(self, record: bytes) -> bytes:
        moment, _, rest = record.partition(b" ")
        stream, _, rest = rest.partition(b" ")
        flag, _, text = rest.partition(b" ")
        wanted = self.options.stream
        if wanted != "All" and wanted.lower() != stream.decode(errors="replace"):
            return b""
        since = self.options.since
        if since is not None and moment < clock.micro_timestamp(since).encode():
            return b""
        # As others print it: to the nanosecond.
        told = moment.removesuffix(b"Z") + b"000Z "
        prefix = told if self.options.timestamps and self.at_line_start else b""
        self.at_line_start = flag != b"P"
        return prefix + text + (b"\n" if flag != b"P" else b"")
